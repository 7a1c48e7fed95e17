"""Locations of interoperability recordings, and of the helpers of the live tests."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent.parent / "live"))


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    """Return the recording of the test."""
    return tmp_path / "interop.pcap"
