"""Conformance tests of live servers: a tester acts as their clients."""
