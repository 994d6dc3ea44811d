"""Addresses and networks."""

from __future__ import annotations

import ipaddress

import polars as pl
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pipeline.flows import cidr


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("10.0.0.1", "10.0.0.1"),
        ("::ffff:10.0.0.1", "10.0.0.1"),
        ("FD00:0:0:0::1", "fd00::1"),
        ("010.0.0.1", None),
        ("10.0.0.1 ", None),
        ("10.0.1", None),
        ("10.1", None),
        ("167772161", None),
        ("0x0a.0.0.1", None),
        ("10.0.0.256", None),
        ("10.0.0.1\n", None),
        ("10.0.0.1\0", None),
        ("10.0.0.\u0661", None),
        ("10.0.0.\ud800", None),
        ("1.2.3.4.5", None),
        ("0.0.0.1", "0.0.0.1"),
        ("255.255.255.255", "255.255.255.255"),
        ("fe80::1%eth0", None),
        ("", None),
    ],
)
def test_address(text: str, found: str | None) -> None:
    assert str(cidr.address(text)) == str(found)


@given(st.from_regex(r"[0-9]{0,4}(\\.[0-9]{0,4}){2,4}|[0-9a-f.\\0 -]*", fullmatch=True) | st.text())
@example("1.2.3.\0")
@example("\ud800")
@example("\u0661.1.1.1")
def test_texts_without_a_colon_are_read_as_ipaddress_does(text: str) -> None:
    text = text.replace(":", "")
    try:
        expected = None if "%" in text else ipaddress.IPv4Address(text)
    except ValueError:
        expected = None
    assert cidr.address(text) == expected


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("10.1.2.3/16", "10.1.0.0/16"),
        ("fd00::1/64", "fd00::/64"),
        ("::ffff:10.1.2.3/120", "10.1.2.0/24"),
        ("::ffff:10.1.2.3/24", "::/24"),
        ("0.0.0.0/0", "0.0.0.0/0"),
        ("10.0.0.0", None),
        ("10.0.0.0/255.0.0.0", None),
        ("10.0.0.0/33", None),
        ("fe80::1%eth0/64", None),
        ("10.0.0/8", None),
    ],
)
def test_network(text: str, found: str | None) -> None:
    assert str(cidr.network(text)) == str(found)


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("10.0.0.1", "10.0.0.1"),
        ("::ffff:10.0.0.1", "10.0.0.1"),
        ("FD00:0:0::A", "fd00::a"),
        ("fe80::1%eth0", "fe80::1"),
        ("010.0.0.1", "010.0.0.1"),
        ("02:aa:00:00:00:01", "02:aa:00:00:00:01"),
        ("", ""),
    ],
)
def test_canonical(text: str, canonical: str) -> None:
    """Every form of an address has one text; other texts stay as they are."""
    assert cidr.canonical(text) == canonical
    column = pl.Series(["fd00::a", None, text, text])
    expected = ["fd00::a", None, canonical, canonical]
    assert cidr.canonical_texts(column).to_list() == expected
    assert cidr.canonical_texts(column.clear()).to_list() == []


@pytest.mark.parametrize(
    ("literal", "expected"),
    [
        ("FD00:0::A", [True, True, False, None]),
        ("fd00::a", [True, True, False, None]),
        ("a:b", [False, False, True, None]),
        ("", [False, False, False, None]),
    ],
)
def test_equals(literal: str, expected: list[bool | None]) -> None:
    """A text is compared as an address where it is one."""
    flows = pl.DataFrame({"text": ["fd00::a", "fd00:0:0:0:0:0:0:a", "a:b", None]})
    assert flows.select(cidr.equals(pl.col("text"), literal)).to_series().to_list() == expected


GROUPS = st.lists(st.sampled_from([0, 0, 1, 0x20, 0xDB8, 0xFFFF]), min_size=8, max_size=8)


@st.composite
def written(draw: st.DrawFn) -> str:
    """An IPv6 address in one of its forms, or what is nearly one."""
    numbers = draw(GROUPS)
    found = ipaddress.IPv6Address(b"".join(number.to_bytes(2) for number in numbers))
    plain = ":".join(f"{number:x}" for number in numbers)
    packed = plain.replace(draw(st.sampled_from([":0:", ":0:0:", ":1:"])), "::", 1)
    return draw(
        st.sampled_from([str(found), found.exploded, plain, packed, plain.upper(), f"{found}:"])
    )


@given(st.lists(written(), max_size=5))
def test_many_ipv6_addresses_as_one_by_one(texts: list[str]) -> None:
    column = pl.Series("a", texts, dtype=pl.String)
    assert cidr.canonical_texts(column).to_list() == [cidr.canonical(text) for text in texts]
    around = column.to_frame().select(cidr.networks_64(pl.col("a"))).to_series().to_list()
    for text, one in zip(texts, around, strict=True):
        assert one is None or one == str(cidr.network(f"{text}/64"))


def test_the_64_around_usual_addresses() -> None:
    usual = {
        "2001:db8::1": "2001:db8::/64",
        "2001:db8:0:7::a:b": "2001:db8:0:7::/64",
        "2001:db8:7:0:1:2:3:4": "2001:db8:7::/64",
        "fd00:1:2:3:4:5:6:7": "fd00:1:2:3::/64",
        "fe80::1:2:3:4": "fe80::/64",
        "a:b:c::d": "a:b:c::/64",
    }
    others = ["::1", "::ffff:a:b", "FE80::1", "fe80::1%eth0", "fe80::01", "1.1.1.1", "", "x", "a:b"]
    asked = pl.Series("a", [*usual, *others]).to_frame()
    found = asked.select(cidr.networks_64(pl.col("a"))).to_series().to_list()
    assert found == [*usual.values(), *[None] * len(others)]
