"""The declarations in formats for other programs."""
