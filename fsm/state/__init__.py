"""The instances of a conversation, found by handle, and facts learned from its packets."""
