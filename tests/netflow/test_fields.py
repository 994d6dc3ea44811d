"""Addresses and texts from tables of bytes; elements are in test_flow.py."""

import numpy as np

from pipeline.netflow.fields import Address, binary, texts


def test_an_address_is_replaced_by_one_that_is_not_zero() -> None:
    found = Address(3)
    rows = np.array([[10, 0, 0, 1], [0, 0, 0, 0], [10, 0, 0, 3]], np.uint8)
    assert found.take(4, rows).tolist() == [True, True, True]
    wide = np.zeros((3, 16), np.uint8)
    wide[1:, 15] = 1
    assert found.take(16, wide).tolist() == [False, True, True]
    assert found.text().to_list() == ["10.0.0.1", "::1", "::1"]


def test_without_an_address_it_is_empty() -> None:
    assert Address(2).text().to_list() == ["", ""]


def test_bytes_as_a_column_and_as_texts() -> None:
    table = np.arange(8, dtype=np.uint8).reshape(4, 2)[:, ::-1]
    assert binary(table).to_list() == [b"\1\0", b"\3\2", b"\5\4", b"\7\6"]
    assert texts([b"eth0\0", "ü".encode(), b"\xff", b""]).to_list() == ["eth0", "ü", "ff", ""]
