"""Everything follows from the model: no module outside of a model's package knows a word of one."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from measures.model import MODEL as MEASURES
from runner.model import DEFAULT
from runner.names import camel
from shop.model import MODEL as SHOP

ROOT = Path(__file__).parents[2]
FOLDERS = ("functions", "local_cloud", "runner", "shared/remodel", "stack")
MODULES = sorted(path for folder in FOLDERS for path in (ROOT / folder).rglob("*.py"))

ENGLISH = {"links", "milestones", "people", "customers", "orders", "shop", "measure"}
"""Names of tables that are words of the language as well; they count where a text or a name is nothing else."""

NAMES = {name for model in (MEASURES, SHOP) for name in (*model.old_tables, *model.new_tables)}
KINDS = {kind.__name__ for model in (MEASURES, SHOP) for kind in model.plans} - {"Item", "Order", "Reading"}
OTHERS = {"measure", "data_source", "measure_id", "kpi", "kpi_id", "goal", "tenant", "tenants", "purposepath"}
EXAMPLES = {"shared/remodel/model.py", "shared/remodel/kinds.py", "shared/remodel/joins.py", "shared/remodel/keys.py"}
"""Their docstrings show how a model is declared."""


def words(path: Path) -> Iterator[str]:
    """What of a model a module knows: in its code, its texts and its docstrings."""
    tree = ast.parse(path.read_text())
    docstrings = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        match node:
            case ast.Constant(value=str(text)) if text != DEFAULT:
                if id(node) in docstrings and str(path.relative_to(ROOT)) in EXAMPLES:
                    continue
                yield from sorted({text} & (NAMES | {camel(name) for name in NAMES}))
                found = set(re.findall(r"\w+", text)) & ((NAMES | KINDS | OTHERS) - ENGLISH - {"readings"})
                yield from sorted(found)
            case ast.Name(id=name) | ast.Attribute(attr=name) | ast.arg(arg=name):
                yield from sorted({name} & KINDS)
            case ast.ImportFrom(module=str(module)) if module.partition(".")[0] in ("measures", "shop"):
                yield module
            case _:
                pass


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_module_knows_no_model(path: Path) -> None:
    assert list(words(path)) == []


@pytest.mark.parametrize(
    "source",
    [
        "from measures.model import MODEL",
        "table = 'readings'",
        "print('Actual, Reading and their links')",
        "names = ['measure_links']",
        "def f():\n    '''The rows of a tenant.'''",
        "MODEL = 'shop'",
    ],
)
def test_a_word_of_a_model_is_seen(source: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(f"{__name__}.ROOT", tmp_path)
    (tmp_path / "module.py").write_text(source)

    assert list(words(tmp_path / "module.py"))


def test_the_default_stands_in_one_place() -> None:
    assert [path.name for path in MODULES if DEFAULT in path.read_text()] == ["model.py"]
