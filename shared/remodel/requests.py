"""The payloads of the functions that are called rather than triggered, checked field by field."""

from __future__ import annotations

from typing import Any, Literal, Self, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from remodel.converge import OLDER_THAN
from remodel.errors import BadRequest
from remodel.segments import Segment


class Request(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class SegmentRequest(Request):
    """One segment of a table, from a cursor on, or from where a `run` left it; no page is begun after so many `seconds`."""

    table: str
    segment: int = Field(default=0, ge=0)
    total_segments: int = Field(default=1, ge=1, le=1_000_000)
    cursor: str | None = None
    run: str | None = Field(default=None, min_length=1, max_length=200)
    seconds: float | None = Field(default=None, gt=0)

    @model_validator(mode="after")
    def _is_there(self) -> Self:
        if self.segment >= self.total_segments:
            raise ValueError(f"expected a segment below {self.total_segments}, found {self.segment}")
        return self

    @property
    def part(self) -> Segment:
        return Segment(self.table, self.segment, self.total_segments, self.cursor)


class BackfillRequest(SegmentRequest):
    """`units_per_second`: write units."""

    units_per_second: float | None = Field(default=None, gt=0)


class UnfinishedRequest(SegmentRequest):
    """Which segments of a table a run has still to do; a table that it has not begun is divided into so many."""

    unfinished: Literal[True]
    run: str


class ReconcileRequest(Request):
    """`scheduled`: by a schedule, which compares nothing while the application owns the new tables."""

    mode: Literal["counts", "sample", "full"]
    repair: bool = False
    sample: int = Field(default=100, ge=1, le=10_000)
    scheduled: bool = False


class PartRequest(SegmentRequest):
    """Of an old or new table or quarantine to compare, of the index or quarantine to resync, of an old table or the index to
    clear. `tables`: whose new rows are cleared."""

    mode: Literal["diff", "resync", "clear"]
    repair: bool = False
    tables: tuple[str, ...] = ()


class SweepRequest(Request):
    """`older_than`: seconds after which a note has no owner. A schedule sends its own event; what is unknown is ignored."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    older_than: float = Field(default=OLDER_THAN, ge=0)


class FanoutRequest(Request):
    """What a message of the queue holds: the name of a pending fan-out."""

    fanout: str


class ReplayRequest(Request):
    """Rows by id, everything that is in quarantine, or the payload of a failed batch as the failure bucket keeps it."""

    source: str | None = None
    ids: list[str] = []
    all: bool = False
    records: list[dict[str, Any]] = []


R = TypeVar("R", bound=Request)


def parse(kind: type[R], payload: object) -> R:
    """Raises BadRequest with every field that is wrong."""
    try:
        return kind.model_validate(payload)
    except ValidationError as problem:
        wrong = "; ".join(f"{'.'.join(map(str, each['loc'])) or 'payload'}: {each['msg']}" for each in problem.errors())
        fields = ", ".join(kind.model_fields)
        raise BadRequest(f"expected an object with {fields}; found {wrong}") from problem
