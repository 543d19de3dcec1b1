"""The third model, a social network in one table: keys that are numbers and binary, and counts over other rows."""
