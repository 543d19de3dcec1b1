"""The laws of a model, each as the error that says which mapping or kind breaks it, with an example and a remedy."""

from __future__ import annotations

from typing import ClassVar

from remodel.errors import RemodelError


class LawBroken(RemodelError):
    """`place`: the kind or the mapping. `example`: what was generated that shows it."""

    law: ClassVar[str]
    remedy: ClassVar[str]

    def __init__(self, place: str, found: str, example: object) -> None:
        self.place = place
        super().__init__(
            f"{place}: expected that {self.law}, found that {found}. Example: {example}. Remedy: {self.remedy}"
        )


class KindsOverlap(LawBroken):
    law = "a key is of one kind"
    remedy = "give the kinds key forms that no key fits both of, such as other prefixes"


class KeyNotInvertible(LawBroken):
    law = "a key and its fields say the same"
    remedy = (
        "change no field of a key while it is read (AfterValidator), and separate fields by text that no value contains"
    )


class NewKeyImpossible(LawBroken):
    law = "the key of a new row is among the possible keys of its old row"
    remedy = "let `shared` and `own` of the escape hatch depend on their arguments alone"


class OriginLost(LawBroken):
    law = "the key of a new row leads back to its old row"
    remedy = "let `shared_origin` answer the key fields from which `shared` made the text"


class MembersIncomplete(LawBroken):
    law = "each member has a key of its own, by which it is found, and one of them leads"
    remedy = (
        "let `own` differ for each member and from `shared`, `may_be_own` accept what `own` answers, `member_of` read the "
        "member from the new row, and `leader` answer one of the members that it is given"
    )


class EveryRowRefused(LawBroken):
    law = "a row that its kind accepts fits into the new table"
    remedy = "let the forms of the new key separate fields by text that no value contains, and answer values that fit"


class MappingNotPure(LawBroken):
    law = "a mapping answers the same for the same rows"
    remedy = "read no clock, no environment, and nothing random in a mapping or a kind, and keep nothing between calls"


class MappingNotTotal(LawBroken):
    law = "a mapping answers for every row that its kind accepts, whatever the row is joined with"
    remedy = "let the kind refuse such rows, or the mapping answer without the value; a joined row may be None"


class SeesNotSufficient(LawBroken):
    law = "a mapping uses of another row only what its join sees"
    remedy = "add the field to `sees` of the join"


class ValueNotStorable(LawBroken):
    law = "a mapping answers values that DynamoDB has"
    remedy = "answer text, Decimal, int, bool, bytes, None, or lists, sets, and dicts of these; no float, no datetime"


class IndexKeyOfAnotherType(LawBroken):
    law = "a key of an index has its declared type"
    remedy = "convert the value in the mapping, or declare the type: Index(..., types={...})"


class LimitPassed(LawBroken):
    law = "a new row is within DynamoDB's limits, whatever its old row is joined with"
    remedy = "limit the length in the kind from which the value comes: Annotated[str, Field(max_length=...)], or leave it out"
