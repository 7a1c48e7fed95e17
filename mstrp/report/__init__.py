"""Reports on captures, for people and programs."""
