"""Addresses up to a limit, networks in their place beyond it."""

from __future__ import annotations

from itertools import pairwise

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.stage import AddressLimit
from pipeline.state.address_limiter import AddressLimiter

LABELS = ["from", "of", "to", "by", "port", "how"]
LIMIT = AddressLimit(2, (("from", "of"), ("to", "by")), ("how",))
Row = tuple[str, str, str, str, str, str]


def rows(*found: Row) -> pl.DataFrame:
    return pl.DataFrame(found, schema=dict.fromkeys(LABELS, pl.String), orient="row")


def new(*known: Row, limit: AddressLimit = LIMIT) -> AddressLimiter:
    limiter = AddressLimiter(limit, LABELS, "*")
    limiter.know(rows(*known))
    return limiter


def client(address: str, namespace: str = "shop", port: str = "80", how: str = "") -> Row:
    return address, "", "", namespace, port, how


def clients(limiter: AddressLimiter, *addresses: str, namespace: str = "shop") -> list[str]:
    admitted, _, _ = limiter.admit(rows(*(client(one, namespace) for one in addresses)))
    return admitted["from"].to_list()


def test_first_addresses_then_networks_then_one_for_all() -> None:
    limiter = new()
    asked = ("1.1.1.1", "2001:db8::1", "1.1.1.2", "1.1.1.3", "2001:db8::2", "9.9.9.9", "x")
    assert clients(limiter, *asked) == [
        *("1.1.1.1", "2001:db8::1", "1.1.1.0/24", "1.1.1.0/24", "2001:db8::/64"),
        *("*", "*"),
    ]
    assert clients(limiter, "1.1.1.1", "9.9.9.9", "1.1.1.9") == ["1.1.1.1", "*", "1.1.1.0/24"]


def test_each_namespace_has_its_own_limit() -> None:
    limiter = new()
    assert clients(limiter, "1.1.1.1", "1.1.1.2", "1.1.1.3")[2] == "1.1.1.0/24"
    assert clients(limiter, "1.1.1.3", namespace="data") == ["1.1.1.3"]


def test_label_sets_that_differ_in_what_is_apart_count_once() -> None:
    """Another port counts again."""
    limiter = new()
    asked = [client("1.1.1.1", how=how) for how in "abc"] + [client("1.1.1.1", port="81")]
    admitted, beyond, _ = limiter.admit(rows(*asked, client("1.1.1.1", port="82")))
    assert len(beyond) == 1
    assert admitted["from"].to_list() == [*["1.1.1.1"] * 4, "1.1.1.0/24"]


def test_where_networks_have_no_room_nothing_is_known() -> None:
    """What is not an address has no network while others still may have one."""
    limiter = new(limit=AddressLimit(1, LIMIT.ends))
    asked = ("1.1.1.1", "x", "2.2.2.2", "3.3.3.3")
    admitted, beyond, nowhere = limiter.admit(rows(*map(client, asked)))
    assert admitted["from"].to_list() == ["1.1.1.1", "*", "2.2.2.0/24", "*"]
    assert (beyond.to_list(), nowhere.to_list()) == ([1, 2, 3], [3])


def test_rows_without_an_address_are_left_alone() -> None:
    inside = rows(*(("", "shop", "", "data", str(port), "") for port in range(9)))
    admitted, beyond, _ = new().admit(inside)
    assert admitted.equals(inside)
    assert len(beyond) == 0


def test_two_addresses_are_widened_together() -> None:
    limiter = new(limit=AddressLimit(1, LIMIT.ends))
    asked = [("1.1.1.1", "", f"2.2.{n}.2", "", "80", "") for n in range(3)]
    admitted, beyond, _ = limiter.admit(rows(*asked))
    assert len(beyond) == 2
    assert admitted.select("from", "to").rows() == [
        ("1.1.1.1", "2.2.0.2"),
        ("1.1.1.0/24", "2.2.1.0/24"),
        ("*", "*"),
    ]


def test_what_a_table_has_counts() -> None:
    """Addresses and networks; so a state that is read again goes on as it was."""
    known = [client("1.1.1.1"), client("1.1.1.2"), client("5.5.5.0/24"), client("*")]
    asked = ("1.1.1.2", "6.6.6.6", "5.5.5.5", "7.7.7.7")
    assert clients(new(*known), *asked) == ["1.1.1.2", "6.6.6.0/24", "5.5.5.0/24", "*"]


@pytest.mark.parametrize("address", ["x", "fe80::1%eth0", "1.1.1"])
def test_what_is_no_address_has_no_network(address: str) -> None:
    assert clients(new(limit=AddressLimit(0, LIMIT.ends)), address) == ["*"]


def test_what_has_neither_its_address_nor_its_network_there_is_strange() -> None:
    """IPv6 in a rare form is not called strange: its network is not looked for."""
    limiter = new(client("1.1.1.1"), client("2.2.2.0/24"), client("*"))
    assert clients(limiter, "3.3.3.3") == ["3.3.3.3"]
    asked = ["1.1.1.1", "1.1.1.2", "2.2.2.9", "3.3.3.3", "3.3.3.4", "x", "2001:db8::1", "", None]
    found = limiter.strange(pl.DataFrame({"a": asked, "b": [""] * len(asked)}))
    assert found.to_list() == [False, True, False, False, True, True, True, True, True]
    both = limiter.strange(pl.DataFrame({"a": ["9.9.9.9", "9.9.9.9"], "b": ["1.1.1.1", "8.8.8.8"]}))
    assert both.to_list() == [False, True]
    six = new(client("2001:db8::1"), client("2001:db8:0:7::/64"))
    asked = ["2001:db8::1", "2001:db8::2", "2001:db8:0:7::9", "2001:db8:0:8::9", "2001:DB8::1"]
    assert six.strange(pl.DataFrame({"a": asked})).to_list() == [False, True, False, True, False]


ADDRESSES = st.sampled_from(
    ["", "1.1.1.1", "1.1.1.2", "1.1.2.1", "9.9.9.9", "2001:db8::1", "2001:db8::2", "::1", "x"]
)
ROWS = st.tuples(
    *(ADDRESSES, st.sampled_from(["", "a"]), ADDRESSES, st.sampled_from(["", "b"])),
    *(st.sampled_from(["80", "81"]), st.sampled_from("xy")),
)


@given(st.lists(ROWS, max_size=12), st.lists(st.integers(0, 12), max_size=3), st.integers(0, 3))
def test_batches_change_nothing(asked: list[Row], cuts: list[int], most: int) -> None:
    """Nor does a new start in between, from what was admitted."""
    limit = AddressLimit(most, LIMIT.ends, LIMIT.apart)
    whole, beyond, _ = new(limit=limit).admit(rows(*asked))
    limiter, parts, number = new(limit=limit), [rows()], 0
    for start, end in pairwise([0, *sorted(min(c, len(asked)) for c in cuts), len(asked)]):
        part, more, _ = limiter.admit(rows(*asked[start:end]))
        parts.append(part)
        number += len(more)
        limiter = AddressLimiter(limit, LABELS, "*")
        for known in parts:
            limiter.know(known)
    assert pl.concat(parts).rows() == whole.rows()
    assert number == len(beyond)
