"""What a model's author tests it with: rows that are generated from its kinds. It is installed with the command line; no
function of the stack has it."""
