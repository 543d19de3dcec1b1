"""A YAML text in which some parts are replaced, and all else stays as it is written: comments, order and line ends included.

A part is found by its path. It is written anew in the style of its place: within brackets, or in lines of its own.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import accumulate
from typing import Any

import yaml

from local_cloud.document import Call, TemplateError

WIDTH = 118

Path = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Value:
    """Another value at a path, which is written within brackets."""

    path: Path
    value: Any


@dataclass(frozen=True, slots=True)
class Entries:
    """Of the mapping at a path: entries that are taken out, and entries that stand where the first of them stood."""

    path: Path
    out: Collection[str]
    new: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Words:
    """In the text at a path, what stands from the first to the last match of a pattern."""

    path: Path
    pattern: str
    new: str


def spliced(text: str, edits: Sequence[Value | Entries | Words]) -> str:
    """Raises TemplateError where a path, an entry that is to be taken out, or a pattern is not there."""
    root, lines = yaml.compose(text, yaml.CSafeLoader), _Lines(text)
    assert root is not None, "a template is not empty"
    changes = [change for edit in edits for change in _changes(lines, root, edit)]
    for start, end, new in sorted(changes, reverse=True):
        text = text[:start] + new + text[end:]
    return text


Change = tuple[int, int, str]
"""From where, up to where, and what stands there instead."""


def _changes(lines: _Lines, root: yaml.Node, edit: Value | Entries | Words) -> Iterator[Change]:
    node = _found(root, edit.path)
    start, end = node.start_mark.index, node.end_mark.index
    match edit:
        case Value(value=value):
            new = _flow(value, lines.indent(node.start_mark) + 2, node.start_mark.column)
            is_block = isinstance(node, yaml.CollectionNode) and not node.flow_style
            yield (start, lines.end(node.end_mark), f"{new}\n") if is_block else (start, end, new)
        case Words(pattern=pattern, new=new):
            found = [each.span() for each in re.finditer(pattern, lines.text[start:end])]
            if not found:
                raise TemplateError(f"expected {pattern} in {_told(edit.path)}, found none")
            yield start + found[0][0], start + found[-1][1], new
        case Entries():
            assert isinstance(node, yaml.MappingNode)
            yield from _entries(lines, node, edit)


def _entries(lines: _Lines, node: yaml.MappingNode, edit: Entries) -> Iterator[Change]:
    keys = [key for key, _ in node.value]
    if missing := sorted(set(edit.out) - {key.value for key in keys}):
        raise TemplateError(f"expected {', '.join(missing)} in {_told(edit.path)}, found none")
    new = _block(edit.new, node.start_mark.column) if edit.new else ""
    for n, key in enumerate(keys):
        if key.value in edit.out:
            after = keys[n + 1].start_mark if n + 1 < len(keys) else node.end_mark
            yield lines.begin(key.start_mark, with_comments=not new), lines.end(after), new
            new = ""


def _found(node: yaml.Node, path: Path) -> yaml.Node:
    for name in path:
        known = dict(enumerate(node.value))
        if isinstance(node, yaml.MappingNode):
            known = {key.value: value for key, value in node.value}
        if name not in known:
            raise TemplateError(f"expected {_told(path)}, found no {name}")
        node = known[name]
    return node


def _told(path: Path) -> str:
    return "/".join(map(str, path))


class _Lines:
    """Where marks stand in the text."""

    def __init__(self, text: str) -> None:
        self.text, self._lines = text, text.splitlines(keepends=True)
        self._starts = [0, *accumulate(map(len, self._lines))]

    def indent(self, mark: yaml.Mark) -> int:
        line = self._lines[mark.line]
        return len(line) - len(line.lstrip())

    def begin(self, mark: yaml.Mark, with_comments: bool) -> int:
        """Of an entry's first line, or of the comment that stands right above it and the empty line before that."""
        n = mark.line
        while with_comments and self._lines[n - 1].startswith(" " * mark.column + "#"):
            n -= 1
        return self._starts[n - 1 if with_comments and not self._lines[n - 1].strip() else n]

    def end(self, mark: yaml.Mark) -> int:
        """Of the last line before the mark that has more than a comment."""
        n = mark.line
        while not self._lines[n - 1].split("#")[0].strip():
            n -= 1
        return self._starts[n]


class _Dumper(yaml.SafeDumper):
    def ignore_aliases(self, data: Any) -> bool:
        return True

    def choose_scalar_style(self) -> Any:
        """`!Ref Name` needs no quotes, which PyYAML puts around whatever has a tag."""
        event: Any = self.event
        is_word = re.fullmatch(r"\w[\w.:]*", event.value) and not event.implicit[0]
        return "" if is_word and event.tag.startswith("!") else super().choose_scalar_style()


def _call(dumper: yaml.SafeDumper, call: Call) -> yaml.Node:
    node = dumper.represent_data(call.argument)
    node.tag = f"!{call.name}"
    if isinstance(node, yaml.ScalarNode):
        node.style = "'" if '"' in node.value else '"'
    elif isinstance(node, yaml.CollectionNode):
        node.flow_style = True
    return node


_Dumper.add_representer(Call, _call)


def _flow(value: Any, indent: int, column: int) -> str:
    """PyYAML begins a line behind the word that passes the width."""
    width = max(WIDTH // 3, WIDTH - column - WIDTH // 6)
    text = yaml.dump(value, Dumper=_Dumper, default_flow_style=True, width=width, sort_keys=False)
    lines = text.removesuffix("...\n").splitlines()
    return f"\n{' ' * indent}".join(line.strip() for line in lines)


def _block(entries: Mapping[str, Any], indent: int) -> str:
    """Long entries have an empty line between them."""
    texts = [
        yaml.dump({name: value}, Dumper=_Dumper, default_flow_style=None, width=WIDTH - indent, sort_keys=False)
        for name, value in entries.items()
    ]
    gap = "\n" if any(text.count("\n") > 4 for text in texts) else ""
    return gap.join("".join(f"{' ' * indent}{line}\n" for line in text.splitlines()) for text in texts)
