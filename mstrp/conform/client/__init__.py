"""Conformance tests of live clients: a server that watches who connects, and does what a client has to cope with."""
