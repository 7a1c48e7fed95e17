"""Where recordings of the interoperation go, and where the helpers of the live tests are."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent.parent / "live"))


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    """The recording of the test."""
    return tmp_path / "interop.pcap"
