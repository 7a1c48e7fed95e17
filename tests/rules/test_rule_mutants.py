"""The rule cases detect damaged checks."""

from __future__ import annotations

from rule_mutants import WANTED, all_mutants, by_rule, killed


def test_damaged_checks_are_noticed() -> None:
    """At least 98 % of the checks that are disabled or shifted by one make a case of their rules fail."""
    mutants, known = list(all_mutants()), by_rule()
    survivors = [mutant.name for mutant in mutants if not killed(mutant, known)]
    assert 100 * len(survivors) <= (100 - WANTED) * len(mutants), survivors
