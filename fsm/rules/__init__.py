"""The rules that findings refer to, one record each, and the conditions that need more than one packet."""
