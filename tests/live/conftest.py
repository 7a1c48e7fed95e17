"""Where the recording of a live test goes."""

from pathlib import Path

import pytest


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    """The recording of the test."""
    return tmp_path / "live.pcap"
