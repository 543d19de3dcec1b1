"""A readiness check: what was found, and whether a step of the migration may begin."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum, StrEnum


class Step(IntEnum):
    """The steps that checks stop, in order. ADVICE stops none."""

    PLAN = 0
    PREPARE = 1
    BACKFILL = 2
    CUTOVER = 3
    ADVICE = 4


class State(StrEnum):
    OK = "ok"
    TODO = "to do"
    BLOCKS = "blocks"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Change:
    """What `prepare` changes, by the name of its procedure. `told`: one line of its dry run."""

    told: str
    procedure: str
    table: str = ""
    index: str = ""


@dataclass(frozen=True, slots=True)
class Finding:
    """What a rule found. `holds`: None where it cannot be checked. `stops`: the first step that cannot begin while it
    does not hold. `unanswerable`: the endpoint has no answer at all, as only emulators have none. `change`: what
    `prepare` does about it."""

    name: str
    holds: bool | None
    found: str
    remedy: str = ""
    stops: Step = Step.CUTOVER
    unanswerable: bool = False
    change: Change | None = None


@dataclass(frozen=True, slots=True)
class Check:
    """A finding, judged before a step. `stops`: whether that step may not begin; an unknown stops it as well, unless
    the endpoint has no answer at all. `remedy` is empty where nothing is to be done."""

    name: str
    state: State
    found: str
    remedy: str
    stops: bool
    change: Change | None = None


def judge(each: Finding, step: Step) -> Check:
    if each.holds:
        return Check(each.name, State.OK, each.found, "", False)
    due = each.stops <= step
    if each.holds is None:
        return Check(each.name, State.UNKNOWN, each.found, each.remedy, due and not each.unanswerable)
    return Check(each.name, State.BLOCKS if due else State.TODO, each.found, each.remedy, due, each.change)
