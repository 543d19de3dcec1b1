"""A lending library: keys that are numbers and bytes, names with dashes, a join over a secondary index, and one on a whole key.

loan-events  (copy: bytes, at: number)  ──▶ loan-history, with the borrower's name and the branch
stock-items  (id: number)               ──▶ stock, with the number of loans
borrowers    (number)                   looked up by card
branch_offices                          looked up by key
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from remodel.joins import all_, one
from remodel.kinds import Index, Kind, New, Old
from remodel.model import Model

EVENTS = Old(
    "loan-events", "prod.LoanEvents", Index("by-item", "item", "at", types={"item": int, "at": int}), copy=bytes, at=int
)
ITEMS = Old("stock-items", id=int)
BORROWERS = Old("borrowers", number=int)
OFFICES = Old("branch_offices", id=str)


class Loan(Kind, of=EVENTS, key={"copy": "{copy_id}", "at": "{at}"}):
    copy_id: bytes
    at: int
    item: int
    card: int
    office: str


class Item(Kind, of=ITEMS, id="{id}"):
    id: int
    title: str


class Borrower(Kind, of=BORROWERS, number="{number}"):
    number: int
    card: int
    name: str


class Office(Kind, of=OFFICES, id="OFFICE#{office}"):
    office: str
    town: str


HISTORY = New(
    "loan-history",
    copy_id=bytes,
    at=int,
    indexes=[
        Index("by-card", "card", "at", types={"card": int, "at": int}, only=["town"]),
        Index("by-town", "town", only=[]),
    ],
)
STOCK = New("stock", id=int)

MODEL = Model("Lending Library")

JOINS = {
    "borrower": one(Borrower, on=("card", "card"), sees=["name"], index="by-card"),
    "office": one(Office, on="office", sees=["town"]),
}


@MODEL.becomes(HISTORY, joins=JOINS)
def loan(it: Loan, borrower: Any, office: Any) -> Mapping[str, Any]:
    return {"card": it.card, "name": borrower and borrower.name, "town": office and office.town}


@MODEL.becomes(STOCK, joins={"loans": all_(Loan, on=("id", "item"))})
def stock(it: Item, loans: Any) -> Mapping[str, Any]:
    return {"title": it.title, "loans": Decimal(len(loans))}
