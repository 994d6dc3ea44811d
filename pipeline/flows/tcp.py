"""TCP flags: the bits as the agent sets them, and the names they have once decoded.

The agent sets one bit for each packet: SYN_ACK, FIN_ACK and RST_ACK stand for two bits of the
header. Other sources give the bits of the header, in which a reply has SYN and ACK.
Source: docs/reference/transforms.md#decode_tcp_flags.
"""

from __future__ import annotations

import msgspec
import polars as pl

from pipeline.flows import gotext, values

FLAGS = {
    1: "FIN",
    2: "SYN",
    4: "RST",
    8: "PSH",
    16: "ACK",
    32: "URG",
    64: "ECE",
    128: "CWR",
    256: "SYN_ACK",
    512: "FIN_ACK",
    1024: "RST_ACK",
}
EVIDENCE = "FlagsEvidence"
"""The field that says UNCERTAIN where flags were told from bits of headers that have SYN and ACK:
whether they are a client's or a server's was guessed from ports."""
UNCERTAIN = "uncertain"
BITS = {name: bit for bit, name in FLAGS.items()}


def bits(schema: values.Schema, name: str) -> pl.Expr:
    """Int64: the flags of a field that has them as bits, as a list of names, or as one name.

    Null where it has none of these.
    """
    if not values.known(schema, name):
        return pl.lit(None, dtype=pl.Int64)
    dtype = schema.get(name)
    if dtype is not None and dtype.is_integer():
        typed = pl.col(name).cast(pl.Int64, strict=False)
    elif dtype == pl.List(pl.String):
        names = pl.Enum(list(FLAGS.values()))  # the place of one is the exponent of its bit
        places = pl.element().cast(names, strict=False).to_physical()
        each = pl.col(name).list.eval(pl.lit(2, dtype=pl.Int64).pow(places))
        typed = each.list.unique().list.sum()
    else:
        return values.distinct(values.cell(schema, name), _read, pl.Int64())
    overflow = values.overflow(name)
    if overflow not in schema:
        return typed
    return pl.coalesce(typed, values.distinct(pl.col(overflow), _read, pl.Int64()))


def _read(text: str) -> int | None:
    """The bits in a JSON text."""
    found = msgspec.json.decode(text)
    if isinstance(found, str):
        number = gotext.parse_integer(found)
        found = [found] if number is None else number
    if isinstance(found, list):
        return sum(BITS[name] for name in {n for n in found if isinstance(n, str)} & BITS.keys())
    usual = isinstance(found, int | float) and not isinstance(found, bool) and 0 <= found < 1 << 16
    return int(found) if usual else None
