"""The conversations in a capture file: frames, segments, PDUs, method calls, sessions."""
