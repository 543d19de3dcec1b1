"""The measure model: four tables of a strategic-planning service become two.

    links ──▶ measure_links
    milestones, actuals, readings  ×  the links of their measure ──▶ measure_data

`old` says what an old row must be, `values` what its values must be, `new` which tables there are then, `links` and `data` what
becomes of a row, `ids` under which id, and `model` how the tables are joined. Everything is pure; the engine does the rest.
"""
