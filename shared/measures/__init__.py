"""The measure model: four tables of a strategic-planning service become two.

    goal-measure-links ──▶ measure-links
    milestones, actuals, readings  ×  the links of their measure ──▶ measure-data

`rows` says what an old row must be, `links`, `milestones`, `actuals` and `readings` what becomes of it, `join` which new
rows a measure has and under which ids. Everything is pure; the engine does the rest.
"""

from measures.model import MODEL

__all__ = ["MODEL"]
