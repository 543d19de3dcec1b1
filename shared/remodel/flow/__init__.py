"""The use cases. They reach the world through `remodel.ports` alone, so the simulation runs them unchanged."""
