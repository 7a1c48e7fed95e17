"""Common settings of all tests: the effort of Hypothesis, and the location of the recordings."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, settings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

# Tests get tickets only from KDCs that they start, never from the machine's realm.
os.environ["KRB5_CONFIG"] = os.devnull

settings.register_profile("default", max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("nightly", max_examples=5_000, deadline=None, suppress_health_check=list(HealthCheck))
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "default"))

ROOT = Path(__file__).parent.parent


def _declarations() -> list[list[tuple[Any, Any]]]:
    """Return the declarations of each registry; imported here, because coverage measurement starts after this module."""
    from protocol import COMPLETIONS, EVENTS, METHODS, REQUESTS, STRUCTURES, TABLES

    return [list(registry.items()) for registry in (REQUESTS, EVENTS, COMPLETIONS, STRUCTURES, TABLES, METHODS)]


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call() -> Iterator[None]:
    """Check that a test leaves the registries as they were, in their order."""
    before = _declarations()
    yield
    assert _declarations() == before


@pytest.fixture(scope="session")
def captures() -> Path:
    """The recordings between independent implementations."""
    return Path(__file__).parent / "captures"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add an option to rewrite golden files."""
    parser.addoption("--write-golden", action="store_true", help="write golden files instead of comparing them")


@pytest.fixture
def golden(request: pytest.FixtureRequest) -> Callable[[str, str], None]:
    """Compare a text with a file of ``tests/golden``."""

    def compare(name: str, text: str) -> None:
        place = Path(__file__).parent / "golden" / name
        if request.config.getoption("--write-golden"):
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_text(text, encoding="utf-8")
        assert place.is_file(), f"{place} is missing: run pytest --write-golden and read the diff"
        assert text == place.read_text(encoding="utf-8"), f"{place} differs"

    return compare
