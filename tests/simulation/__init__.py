"""The engine's own code on the store in memory, under a scheduler that may switch calls at every read or write of an item."""
