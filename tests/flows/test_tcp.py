"""TCP flags in every form that a frame has them in."""

from __future__ import annotations

from typing import Any

import pytest

from pipeline.flows import tcp
from pipeline.testing import frame


def bits(*flows: dict[str, Any]) -> list[int | None]:
    read = frame(flows)
    return read.with_columns(tcp.bits(read.schema, "Flags").alias("b"))["b"].to_list()


def test_bits_names_and_a_name() -> None:
    flags = [18, ["SYN", "ACK"], "SYN_ACK", ["SYN", "x", "SYN"], "2", [], "x", None, True, -1]
    assert bits(*({"Flags": value} for value in flags), {}) == [
        *(18, 18, 256, 2, 2, 0, 0, None, None, None),
        None,
    ]


@pytest.mark.parametrize("bit", tcp.FLAGS)
def test_a_decoded_list_is_the_bit_it_was(bit: int) -> None:
    """As lists alone, which have a column of their own type."""
    read = frame([{"F": None}]).with_columns(Flags=[tcp.FLAGS[bit], "FIN"])
    assert read.select(tcp.bits(read.schema, "Flags")).item() == bit | 1
    assert bits({}) == [None]
