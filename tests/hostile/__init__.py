"""Rows, keys and records that somebody made to do harm, and neighbours beside them that have to arrive all the same."""
