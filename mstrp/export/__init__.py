"""The declarations in the forms that other programs read."""
