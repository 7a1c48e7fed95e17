"""Checking live traffic: where packets come from, where findings go, and the state in between."""
