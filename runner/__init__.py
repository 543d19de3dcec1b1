"""The runner: the whole checklist of a migration, one verb a step.

A verb says what it would do, and does it when told to; what was done is remembered in a table of the migration's own
(`journal`), so a colleague can go on from another machine. `world` is what a verb is given; `aws` and `here` are the two
places where it comes from; `cli` is what a person types.
"""
