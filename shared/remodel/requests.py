"""The payloads of the functions that are called rather than triggered, checked field by field."""

from __future__ import annotations

from typing import Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from remodel.core.errors import BadRequest


class Request(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class BackfillRequest(Request):
    """One segment of one old table, from a cursor on. `units_per_second`: write units; `seconds`: after which no page is
    begun any more."""

    table: str
    segment: int = Field(default=0, ge=0)
    total_segments: int = Field(default=1, ge=1, le=1_000_000)
    cursor: dict[str, dict[str, str]] | None = None
    units_per_second: float | None = Field(default=None, gt=0)
    seconds: float | None = Field(default=None, gt=0)


class ReconcileRequest(Request):
    mode: Literal["counts", "sample", "full"]
    repair: bool = False
    sample: int = Field(default=100, ge=1, le=10_000)


class AstrayRow(Request):
    source: str
    id: str
    group: str


class DiffRequest(Request):
    """One segment of one old or new table, from a cursor on; `astray` as earlier parts answered it."""

    mode: Literal["diff"]
    table: str
    segment: int = Field(default=0, ge=0)
    total_segments: int = Field(default=1, ge=1, le=1_000_000)
    cursor: dict[str, dict[str, str]] | None = None
    repair: bool = False
    astray: list[AstrayRow] = []


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
