"""The first page of a model, made of a sample of the old tables: for the team to edit. `remodel new-model` prints it."""
