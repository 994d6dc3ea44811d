"""Heads and addresses of payloads."""

import numpy as np
import pytest

from pipeline.netflow.payload import HEAD, Head, address, address_text


def test_a_head_reads_as_it_was_written() -> None:
    packed = Head(bytes(range(16)), 1, 2, 3, 4, 5).pack(6)
    [found] = np.frombuffer(packed, HEAD)
    assert found["exporter"].tobytes() == bytes(range(16))
    assert [int(number) for number in found.tolist()[1:]] == [1, 2, 3, 4, 5, 6]


@pytest.mark.parametrize(
    ("text", "shown"),
    [("10.0.0.1", "10.0.0.1"), ("2001:db8::1", "2001:db8::1"), ("fe80::1%eth0", "fe80::1")],
)
def test_addresses(text: str, shown: str) -> None:
    assert address_text(address(text)) == shown
