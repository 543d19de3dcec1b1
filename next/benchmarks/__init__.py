"""How fast and how dear it is, beside its rivals and its floors, in one run: `make bench`. Nothing else needs this."""
