"""What conformance tests of servers and clients share: the target, requirements with their verdicts, recorded programs."""
