"""The engine's own code on the store in memory, under a scheduler that may switch workers at every read or write of an item."""
