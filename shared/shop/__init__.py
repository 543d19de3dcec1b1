"""The shop: one single table becomes three. It is the second model, kept so that the engine knows none."""
