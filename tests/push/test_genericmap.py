"""The collector as a destination."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.push.destination import UnavailableError
from pipeline.push.genericmap import GenericMap


def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    """It is named, and read again with the next attempt."""
    destination = GenericMap(address="collector:9999", ca="away.pem", folder=str(tmp_path))
    with pytest.raises(UnavailableError, match=r"tls: cannot use .*away\.pem: No such file"):
        destination.connect()
