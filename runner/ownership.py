"""Who owns the new tables: the engine until the cutover, and from then on the application. No verb writes a new row then.

The read flag says what the application reads; the fence, in the engine's index, stops everything that writes new rows.
"""

from __future__ import annotations

from remodel.errors import Fenced, TableNotFound
from remodel.fence import raise_fenced
from runner.world import NEW, World


def is_cut_over(world: World) -> bool:
    return world.flag.read() == NEW


def fenced_since(world: World) -> str:
    """Empty where the fence is not set, or nothing is deployed that it could stand in."""
    try:
        return world.call().fenced_since()
    except TableNotFound:
        return ""


def check(world: World) -> None:
    """Raises Fenced where the application owns the new tables, or a cutover is about to hand them over."""
    if since := fenced_since(world):
        raise_fenced(since)
    if is_cut_over(world):
        raise Fenced(
            f"expected that the application reads the old tables, found {world.flag.name} at {NEW!r}: nothing was written. "
            "`remodel rollback` returns to the old tables"
        )
