"""Header bits to the flags of an agent."""

import numpy as np
import pytest

from pipeline.netflow.tcp_flags import normalised

SYN, ACK, PSH, SYN_ACK = 2, 16, 8, 256


@pytest.mark.parametrize(
    ("flags", "ports", "told", "uncertain"),
    [
        (SYN, (50000, 60000), SYN, False),
        (ACK | PSH, (50000, 443), ACK | PSH, False),
        (SYN | ACK | PSH, (50000, 443), SYN | ACK | PSH, True),
        (SYN | ACK | PSH, (443, 50000), SYN_ACK | ACK | PSH, True),
        (SYN | ACK, (50000, 9999), SYN | ACK, True),
        (SYN | ACK, (9999, 50000), SYN_ACK | ACK, True),
        (SYN | ACK, (50000, 60000), ACK, True),
        (SYN | ACK, (7777, 7778), ACK, True),
        (SYN_ACK | SYN | ACK, (443, 50000), SYN_ACK | SYN | ACK, False),
        (0xFFFF_FFFF_0000_0012, (2**64 - 1, 443), 0xFFFF_FFFF_0000_0012, True),
    ],
    ids=[
        *("client alone", "no SYN", "client", "server", "client by range", "server by range"),
        *("two high ports", "two low ports", "of an agent", "out of range"),
    ],
)
def test_normalised(flags: int, ports: tuple[int, int], told: int, uncertain: bool) -> None:  # noqa: FBT001 - a case
    """With SYN and ACK, ports decide; where they do not, the SYN is left out."""
    columns = (np.array([number], np.uint64) for number in (flags, *ports))
    found, unsure = normalised(*columns)
    assert (found.tolist(), unsure.tolist()) == ([told], [uncertain])
