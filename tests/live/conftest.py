"""The location of recordings of live tests."""

from pathlib import Path

import pytest


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    """Return the recording of the test."""
    return tmp_path / "live.pcap"
