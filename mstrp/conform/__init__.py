"""Conformance tests of live MS-TRP servers and clients: what the tables know as test programs."""
