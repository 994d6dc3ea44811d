"""Hashes of fields, compared with FNV over the bytes of single values."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.flows import gob_hash
from pipeline.flows.gob_hash import gob
from pipeline.testing import frame
from tests.stages.conntrack.given import fnv

VALUES = st.none() | st.text(max_size=200) | st.floats(allow_nan=False) | st.booleans()


@given(cells=st.lists(VALUES, min_size=1, max_size=8))
def test_every_row_has_the_hash_of_its_value(cells: list[object]) -> None:
    """Of any mix of types in a column; a row without a value keeps the hash it had."""
    flows = frame([{"A": cell, "B": 1} for cell in cells])
    hashes = gob_hash.start(len(cells))
    added = gob_hash.add_field(hashes, flows, "A", integers=False)
    assert added.tolist() == [cell is not None for cell in cells]
    assert hashes.tolist() == [fnv(gob(cell) or b"") for cell in cells]


@pytest.mark.parametrize(
    ("dtype", "value", "content"),
    [
        (pl.UInt8, 6, "03060006"),
        (pl.UInt8, 200, "040600ffc8"),
        (pl.UInt16, 45678, "050600feb26e"),
        (pl.Int64, 1, "03040002"),
        (pl.Int64, -1, "03040001"),
        (pl.Int64, 100, "040400ffc8"),
        (pl.UInt64, 2**64 - 1, "0b0600f8ffffffffffffffff"),
    ],
)
def test_integers_of_protobuf(dtype: type[pl.DataType], value: int, content: str) -> None:
    """The bytes that Go's gob makes of an unsigned and of a signed integer."""
    hashes = gob_hash.start(1)
    flows = pl.DataFrame({"A": pl.Series([value], dtype=dtype)})
    gob_hash.add_field(hashes, flows, "A", integers=True)
    assert hashes.tolist() == [fnv(bytes.fromhex(content))]


@pytest.mark.parametrize(
    ("value", "content"),
    [
        (443.0, "060800fdb07b40"),
        (0.0, "03080000"),
        ("eth0", "070c000465746830"),
        (True, "03020001"),
        ("x" * 130, "ff860c00ff82" + "78" * 130),
        ([1.0], None),
    ],
)
def test_single_values(value: object, content: str | None) -> None:
    found = gob(value)
    assert (found.hex() if found else None) == content


def test_hashes_are_added_with_their_most_significant_byte_first() -> None:
    hashes = gob_hash.start(1)
    gob_hash.add_hashes(hashes, np.array([0x0102030405060708], np.uint64))
    assert hashes.tolist() == [fnv(bytes(range(1, 9)))]
