"""A third model, for what neither of the product's models has: a new key that depends on an attribute, a list of rows, a join
whose value may be absent, and two tables whose rows see each other.

    books    ──▶ places (shelf, id), with the author's name
    authors  ──▶ catalog, with the titles of all books
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from remodel.items import Item
from remodel.joins import all_, one
from remodel.kinds import Kind, New, Old
from remodel.model import Model

BOOKS, AUTHORS = Old("books", id=str), Old("authors", id=str)


class Author(Kind, of=AUTHORS, id="{id}"):
    id: str
    name: str


class Book(Kind, of=BOOKS, id="{id}"):
    id: str
    shelf: str
    title: str
    author_id: str | None = None


PLACES, CATALOG = New("places", shelf=str, id=str), New("catalog", id=str)

MODEL = Model("library")


@MODEL.becomes(PLACES, joins={"author": one(Author, on="author_id", sees=["name"])})
def place(it: Book, author: Any) -> Mapping[str, Any]:
    return {"title": it.title, "author_name": author and author.name}


@MODEL.becomes(CATALOG, joins={"books": all_(Book, on=("id", "author_id"), sees=["title"])})
def entry(it: Author, books: Any) -> Mapping[str, Any]:
    return {"name": it.name, "titles": [book.title for book in books] or None}


@dataclass
class Expected:
    rows: dict[str, dict[str, list[Item]]]
    quarantine: set[tuple[str, str]]


def expected(old: Mapping[str, Sequence[Item]]) -> Expected:
    """What the new tables must hold, by other code and from the old tables alone."""
    result = Expected({"places": {}, "catalog": {}}, set())
    authors = {row["id"]["S"]: row for row in old["authors"] if "S" in row["name"]}
    books = {row["id"]["S"]: row for row in old["books"] if "S" in row["title"] and row["shelf"].get("S")}
    result.quarantine |= {("authors", row["id"]["S"]) for row in old["authors"]} - {("authors", id) for id in authors}
    result.quarantine |= {("books", row["id"]["S"]) for row in old["books"]} - {("books", id) for id in books}
    for id, row in books.items():
        shelf, author = row["shelf"]["S"], authors.get(row.get("author_id", {}).get("S", ""))
        name = {"author_name": author["name"]} if author else {}
        new = {"shelf": row["shelf"], "id": row["id"], "title": row["title"], **name}
        result.rows["places"][f"{len(shelf)}:{shelf}{id}"] = [new]
    for id, row in authors.items():
        titles = [
            {"S": books[book]["title"]["S"]} for book in sorted(books) if books[book].get("author_id") == {"S": id}
        ]
        result.rows["catalog"][id] = [
            {"id": row["id"], "name": row["name"], **({"titles": {"L": titles}} if titles else {})}
        ]
    return result


def text(value: str) -> Any:
    return {"S": value}


def cast(r: random.Random) -> tuple[Any, ...]:
    """The rows that there may be, as `draw.Cast` has them."""
    names = [("authors", id) for id in ("a1", "a2")[: r.randint(1, 2)]]
    names += [("books", f"b{n}") for n in range(1, r.randint(2, 4))]
    refused = r.choice((0.0, 0.2))

    def row(table: str, id: str, was: Item | None) -> Item:
        if table == "authors":
            made = {"id": text(id), "name": text(r.choice(("Ann", "Bob"))), "note": text(r.choice("xy"))}
        else:
            made = {"id": text(id), "shelf": text(r.choice(("s1", "s2", ""))), "title": text(r.choice(("One", "Two")))}
            author = r.choice(("a1", "a1", "a2", None))
            made |= {"author_id": text(author)} if author else {}
        if r.random() < refused:
            made["name" if table == "authors" else "title"] = {"BOOL": True}
        return made

    return names, row, frozenset({"books", "authors"}), frozenset(), None
