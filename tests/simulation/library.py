"""A third model, for what neither of the product's models has: a new key that depends on an attribute, a list of rows, a join
whose value may be absent, and two tables whose rows see each other.

    books    ──▶ places (shelf, id), with the author's name
    authors  ──▶ catalog, with the titles of all books
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

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
