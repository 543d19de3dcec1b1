"""The engine: it moves rows from the tables of an old model to those of a new one while the application writes.

A stream record is a hint (`hints`); `materialize` reads the old tables as they are now and writes what the new tables
lack; the index (`index`) knows which rows belong together. The engine knows no model: `model` says how one is declared.
"""
