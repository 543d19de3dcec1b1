"""The page that a validation leaves: one HTML file that opens from disk, loads nothing and runs nothing.

Plain data in, text out; the template beside this module says how it looks. Whatever is put into it is named, shortened
and escaped on the way (`_put`), so that what rows hold is shown and never taken for a part of the page.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template
from markupsafe import Markup

from runner.drift import Run, picture
from runner.figures import SECOND, moment, number, time
from runner.legible import Excerpt, legible, shortened, side_by_side

if TYPE_CHECKING:
    from runner.journal import Step
    from runner.validate import Validation

HELD = 200
"""Rows in quarantine that are shown; `remodel quarantine list` has all."""

LATEST = 10
"""Runs in the table below the picture."""

DRIFTED = ("missing", "different", "orphaned", "unindexed")

KINDS = {
    "missing": "expected, and not there",
    "different": "there, and not as the old rows say",
    "orphaned": "there, though no old row makes expect it",
    "unindexed": "a membership that the index does not have: changes of other rows would not reach the old row",
    "claims": "there as another old row wants it: several old rows claim one key",
    "tenant_violations": "left out where it would be joined with rows that the model keeps apart from it",
}


@dataclass(frozen=True, slots=True)
class Findings:
    """What one run of `validate` found, and by whom. `runs`: oldest first, this one last. `quarantined`: rows that the model
    rejects, as `quarantine.told` says."""

    stage: str
    by: str
    done: Validation
    runs: Sequence[Run]
    quarantined: Sequence[Mapping[str, Any]] = ()

    @property
    def when(self) -> str:
        """ISO 8601."""
        return self.runs[-1].ended


def findings(done: Validation, stage: str, steps: Iterable[Step], quarantined: Sequence[Mapping[str, Any]]) -> Findings:
    """Of a validation that is done. `steps`: the runs of the verb, this one the last that ended."""
    ended = [step for step in steps if step.ended]
    return Findings(stage, ended[-1].by, done, [_run(step) for step in ended], quarantined)


def write(path: Path, told: Findings) -> None:
    """Raises OSError where the file cannot be written."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(html(told), encoding="utf-8")


def html(told: Findings) -> str:
    """The whole page. It can be encoded as UTF-8, whatever the rows hold."""
    examples = {(each["what"], each["table"], each["key"]): each for each in told.done.examples}
    return _template().render(
        it=told,
        done=told.done,
        failed=[check for check in told.done.checks if not check.passed],
        picture=picture(told.runs),
        latest=told.runs[: -LATEST - 1 : -1],
        differences=[(each, KINDS.get(each["what"], ""), _fields(each["fields"])) for each in examples.values()],
        drifted=DRIFTED,
        held=told.quarantined[:HELD],
    )


def _run(step: Step) -> Run:
    checks = step.facts.get("checks", {})
    return Run(step.ended, step.facts.get("drift"), bool(checks) and all(checks.values()))


def _fields(fields: Mapping[str, Mapping[str, Any]]) -> list[tuple[str, Excerpt, Excerpt]]:
    return [(name, *side_by_side(both["expected"], both["found"])) for name, both in sorted(fields.items())]


@cache
def _template() -> Template:
    loader = FileSystemLoader(Path(__file__).parent)
    environment = Environment(
        loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True, finalize=_put
    )
    environment.filters.update(time=lambda told: time(told, SECOND), minute=_minute, number=number)
    environment.filters["signed"] = lambda value: f"{value:+,}".replace("-", "−")
    return environment.get_template("report.html")


def _put(value: Any) -> Any:
    """Every value on its way into the page; escaping comes after it."""
    return legible(shortened(value)) if isinstance(value, str) and not isinstance(value, Markup) else value


def _minute(text: str) -> str:
    found = moment(text)
    return f"{found.day} {found:%b %H:%M}" if found else text
