"""From a capture file to the conversations in it."""
