"""Columns of addresses as bytes."""

from __future__ import annotations

import polars as pl
from hypothesis import example, given
from hypothesis import strategies as st

from pipeline.flows import cidr
from pipeline.flows.packed import packed

_OCTETS = st.lists(st.sampled_from(["0", "1", "01", "9", "10", "100", "255", "256", "\u0661"]))
_TEXTS = st.one_of(
    _OCTETS.map(".".join),
    st.ip_addresses().map(str),
    st.ip_addresses().map(lambda one: one.exploded.upper()),
    st.from_regex(r"[0-9a-f:.%/]*", fullmatch=True),
    st.text(st.characters(exclude_categories=["Cs"])),
)


@given(st.lists(_TEXTS))
@example(["1.2.3.4", "::ffff:1.2.3.4", "::", "1::", "1:2:3:4:5:6:7::", "1.2.3.4\n", "1.2.3.4\0"])
@example(["2001:db8::1", "2001:DB8::1", "2001:0db8::1", "fe80::1%a", "::1.2.3.4", "a::b::c"])
def test_every_text_is_read_as_alone(texts: list[str]) -> None:
    column = pl.Series("a", [*texts, None], dtype=pl.String)
    found = {
        place: (version, number.ljust(4 if version == 4 else 16, b"\0"))
        for version, places, numbers in packed(column)
        for place, number in zip(places.tolist(), numbers.tolist(), strict=True)
    }
    read = {place: one for place, text in enumerate(texts) if (one := cidr.address(text))}
    assert found == {place: (one.version, one.packed) for place, one in read.items()}


def test_bytes_sort_as_addresses() -> None:
    texts = ["0.0.0.1", "0.0.0.255", "0.0.1.0", "1.0.0.0", "127.255.0.0", "128.0.0.0", "255.0.0.1"]
    ((_, _, numbers),) = packed(pl.Series(texts))
    assert all(numbers[:-1] < numbers[1:])
