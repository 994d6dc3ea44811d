"""A receiver of OTLP as a destination."""

from __future__ import annotations

import pytest

from pipeline.kafka.connection import Tls
from pipeline.push.destination import UnavailableError
from pipeline.push.otlp import Otlp, Protocol


@pytest.mark.parametrize("protocol", ["grpc", "http"])
def test_a_file_that_cannot_be_used(protocol: Protocol) -> None:
    """It is named, and looked for again with the next attempt."""
    to = Otlp(address="h:1", signal="logs", protocol=protocol, tls=Tls(ca="no.pem"), folder="/f")
    with pytest.raises(UnavailableError, match=r"tls: cannot use .*no\.pem: No such file"):
        to.connect()
