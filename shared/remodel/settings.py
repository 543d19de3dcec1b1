"""What a function finds in its environment: table names, its own table, how much time it keeps in reserve.

The name of each table of the model stands in the variable that is its name in capitals with `_TABLE` behind it
(`LINKS_TABLE`, `MEASURE_DATA_TABLE`), as `template.yaml` sets it; so do those of the index and of quarantine. Where the
stream of a lookup is connected, its name with `_LIVE` behind it says `true`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from remodel.core.errors import MissingSetting
from remodel.core.model import Model
from remodel.ports import INDEX, QUARANTINE


@dataclass(frozen=True, slots=True)
class Settings:
    """`tables`: physical names by the model's own. `live`: the lookups whose streams are connected. `queue`: the URL of the
    queue of large fan-outs, empty where there is none."""

    tables: Mapping[str, str]
    live: frozenset[str] = frozenset()
    queue: str = ""


def variable(table: str) -> str:
    return f"{table.upper()}_TABLE"


def table_names(model: Model) -> tuple[str, ...]:
    """Every table that the engine uses with this model."""
    return (*model.every, *model.new_tables, INDEX, QUARANTINE)


def settings(environment: Mapping[str, str], model: Model) -> Settings:
    """Raises MissingSetting, naming everything that is missing at once."""
    found = required(environment, [variable(name) for name in table_names(model)])
    live = {name for name in model.lookups if environment.get(f"{name.upper()}_LIVE") == "true"}
    tables = {name: found[variable(name)] for name in table_names(model)}
    return Settings(tables, frozenset(live), environment.get("FANOUT_QUEUE", ""))


def source_setting(environment: Mapping[str, str], model: Model) -> str:
    """Which old table the function's stream belongs to."""
    source = required(environment, ["SOURCE"])["SOURCE"]
    if source not in model.every:
        raise MissingSetting(f"expected SOURCE to be one of {', '.join(model.every)}, found {source!r}")
    return source


def required(environment: Mapping[str, str], names: Iterable[str]) -> dict[str, str]:
    found = {name: environment.get(name, "") for name in names}
    if missing := [name for name, value in found.items() if not value]:
        raise MissingSetting(
            f"expected the environment variables {', '.join(missing)}, found none: "
            "template.yaml sets them; outside of it, set them to the tables' names"
        )
    return found
