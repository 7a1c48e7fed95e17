"""Functions of a conversation that turn packets into steps and findings."""
