"""What a function finds in its environment: the model, table names, its own table, and which streams are connected.

The name of each table stands in the variable that is its logical name in capitals, `-` as `_`, with `_TABLE` behind it. Where
the stream of a table that is only looked up is connected, the same with `_LIVE` says `true`.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import ModuleType

from remodel.errors import MissingSetting, ModelNotFound, RemodelError
from remodel.model import Model
from remodel.store import INDEX, QUARANTINE

MODEL = "REMODEL_MODEL"


@dataclass(frozen=True, slots=True)
class Settings:
    """`tables`: physical names by logical name. `live`: old tables whose streams are connected. `queue`: URL of the queue of
    pending fan-outs, empty where there is none."""

    tables: Mapping[str, str]
    live: frozenset[str]
    queue: str


def load_model(environment: Mapping[str, str]) -> Model:
    """The model that REMODEL_MODEL names as `package.module:NAME`. Raises MissingSetting, ModelNotFound, and ModelError."""
    named = required(environment, [MODEL])[MODEL]
    module, _, name = named.partition(":")
    if not all(part.isidentifier() for part in (*module.split("."), name)):
        raise ModelNotFound(
            f"expected {MODEL} as package.module:NAME, found {named!r}: name the model's module and what it is called there"
        )
    page = _imported(module)
    if not isinstance(found := getattr(page, name, None), Model):
        there = ", ".join(each for each, value in vars(page).items() if isinstance(value, Model)) or "no model"
        what = "nothing of that name" if found is None else f"{type(found).__name__}"
        raise ModelNotFound(
            f"expected a Model as {name} in {module}, found {what}: {page.__file__} declares {there}; correct {MODEL}"
        )
    return found


def _imported(module: str) -> ModuleType:
    try:
        return importlib.import_module(module)
    except RemodelError:
        raise
    except ModuleNotFoundError as problem:
        if f"{module}.".startswith(f"{problem.name}."):
            raise ModelNotFound(
                f"expected module {module} on Python's path, found no {problem.name!r}: put the folder that holds the package "
                f"on PYTHONPATH, or correct {MODEL}"
            ) from problem
        raise ModelNotFound(f"expected what {module} imports, found no {problem.name!r}: install it") from problem
    except Exception as problem:
        raise ModelNotFound(
            f"expected module {module} to be imported, found {type(problem).__name__}: {problem}: correct the module"
        ) from problem


def variable(table: str, suffix: str = "TABLE") -> str:
    """The environment variable of a table."""
    return f"{table.upper().replace('-', '_')}_{suffix}"


def table_names(model: Model) -> tuple[str, ...]:
    """Every table that the engine uses with this model."""
    return (*model.old_tables, *model.new_tables, INDEX, QUARANTINE)


def settings(environment: Mapping[str, str], model: Model) -> Settings:
    """Raises MissingSetting, naming everything that is missing at once."""
    names = table_names(model)
    found = required(environment, [variable(name) for name in names])
    tables = {name: found[variable(name)] for name in names}
    only_looked_up = [name for name in model.old_tables if not model.migrates(name)]
    dead = {name for name in only_looked_up if environment.get(variable(name, "LIVE")) != "true"}
    return Settings(tables, frozenset(model.old_tables.keys() - dead), environment.get("FANOUT_QUEUE", ""))


def source_setting(environment: Mapping[str, str], model: Model) -> str:
    """Which old table the function's stream belongs to. Raises MissingSetting."""
    source = required(environment, ["SOURCE"])["SOURCE"]
    if source not in model.old_tables:
        raise MissingSetting(f"expected SOURCE to be one of {', '.join(model.old_tables)}, found {source!r}")
    return source


def required(environment: Mapping[str, str], names: Iterable[str]) -> dict[str, str]:
    found = {name: environment.get(name, "") for name in names}
    if missing := [name for name, value in found.items() if not value]:
        raise MissingSetting(
            f"expected the environment variables {', '.join(missing)}, found none: "
            "template.yaml sets them; outside of it, set them to the tables' names"
        )
    return found
