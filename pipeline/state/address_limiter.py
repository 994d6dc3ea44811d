"""Label sets with addresses, of which a table keeps a limited number: networks stand for the rest.

So an external peer is known by its address, and a scan of a million addresses stays a few rows.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
import polars as pl

from pipeline.flows import cidr
from pipeline.stage import AddressLimit
from pipeline.stage.key_index import KeyIndex

_ADDRESS, _NETWORK, _ANY = range(3)
_NAMESPACE, _KEY, _WIDTH, _ROW = ":namespace", ":key", ":width", ":row"
_IPV4 = r"^\d+\.\d+\.\d+\.\d+$"
_SEED = 7
_DIGITS = "0123456789"
_BEGIN = (
    pl.when(pl.first().str.contains(":", literal=True))
    .then(cidr.networks_64(pl.first()))
    .otherwise(pl.first().str.strip_chars_end(_DIGITS))
)
"""What stands for the network around an address among the texts that are known."""
_Wider = Callable[[pl.Series], pl.Series]


class Admitted(NamedTuple):
    """Label sets; which rows (UInt32) have wider addresses, and which no room for a network."""

    labels: pl.DataFrame
    beyond: pl.Series
    nowhere: pl.Series


class AddressLimiter:
    """Says which label sets of a table keep their addresses: those that came first.

    `labels` are the names of the table's label columns; `overflow` is written for an address
    without any room. A label set is known by a hash: two that share one take one place, and nothing
    is lost by it.
    """

    def __init__(self, limit: AddressLimit, labels: Sequence[str], overflow: str) -> None:
        self._rows = limit.rows
        self._overflow = overflow
        self._ends = limit.ends
        self._addresses = [address for address, _ in limit.ends]
        self._parts = [label for label in labels if label not in limit.apart]
        self._known = KeyIndex()
        self._texts = KeyIndex()
        self._used: Counter[tuple[str, int]] = Counter()
        self._full: dict[int, set[str]] = {_ADDRESS: set(), _NETWORK: set()}

    def know(self, labels: pl.DataFrame) -> None:
        """Label sets (String, no nulls) that the table has."""
        rows = self._unknown(labels).filter(pl.col(_WIDTH) < _ANY).unique(_KEY)
        self._add(rows.with_columns(self._namespace(labels, rows)), labels)

    def strange(self, addresses: pl.DataFrame) -> pl.Series:
        """Boolean: rows without any address (String) that a label set has, or a network around it.

        What it cannot tell cheaply (IPv6 in a rare form) it does not call strange.
        """
        found = pl.repeat(value=True, n=addresses.height, dtype=pl.Boolean, eager=True)
        for column in addresses:
            texts = column.fill_null("")
            around = texts.to_frame().select(_BEGIN).to_series()
            known = [self._texts.find(t.hash(_SEED).to_numpy()) >= 0 for t in (texts, around)]
            found &= ~(pl.Series(known[0] | known[1]) | around.is_null())
        return found

    def admit(self, series: pl.DataFrame) -> Admitted:
        """Label sets, with wider addresses where there is no room.

        Rows stay where they are, so that a label set may have several of them.
        """
        nothing = pl.Series(dtype=pl.UInt32)
        if not self._there(series):
            return Admitted(series, nothing, nothing)
        beyond = self._beyond(series, _ADDRESS)
        if beyond.is_empty():
            return Admitted(series, beyond, nothing)
        series = self._replaced(series, beyond, self._networks)
        without = self._beyond(series, _NETWORK)
        if not without.is_empty():
            series = self._replaced(series, without, self._any)
        return Admitted(series, beyond, without)

    def _beyond(self, series: pl.DataFrame, width: int) -> pl.Series:
        """The rows (UInt32) whose addresses of this width have no room; the others get theirs."""
        rows = self._unknown(series).filter(pl.col(_WIDTH) == width)
        if rows.is_empty():
            return rows[_ROW]
        rows = rows.with_columns(self._namespace(series, rows))
        full = pl.Series(sorted(self._full[width]), dtype=pl.String)
        new = rows.filter(~pl.col(_NAMESPACE).is_in(full.implode()))
        if not new.is_empty():
            new = new.unique(_KEY, keep="first", maintain_order=True)
            used = [self._used[name, width] for name in new[_NAMESPACE].to_list()]
            place = pl.int_range(1, pl.len() + 1).over(_NAMESPACE) + pl.Series(used, dtype=pl.Int64)
            admitted = new.filter(place <= self._rows)
            self._add(admitted, series)
            rows = rows.filter(~pl.col(_KEY).is_in(admitted[_KEY].implode()))
        return rows[_ROW]

    def _unknown(self, labels: pl.DataFrame) -> pl.DataFrame:
        """The rows with an address and an unknown key: where they are, key, and width."""
        there = pl.any_horizontal(pl.col(self._there(labels) or self._addresses) != "")
        outside = labels.select(there.arg_true().alias(_ROW)).to_series()
        keys = labels.select(self._parts)[outside].hash_rows(_SEED).alias(_KEY)
        unknown = pl.Series(self._known.find(keys.to_numpy()) < 0)
        rows = pl.DataFrame([outside, keys]).filter(unknown)
        if rows.is_empty():
            return rows.with_columns(pl.lit(_ANY).alias(_WIDTH))
        addresses = pl.col(self._addresses)
        network = addresses.str.contains("/", literal=True)
        address = (addresses != "") & (addresses != self._overflow) & ~network
        width = (
            pl.when(pl.any_horizontal(address))
            .then(_ADDRESS)
            .when(pl.any_horizontal(network))
            .then(_NETWORK)
            .otherwise(_ANY)
        )
        chosen = labels.select(self._addresses)[rows[_ROW]]
        return rows.hstack(chosen.select(width.alias(_WIDTH)))

    def _namespace(self, labels: pl.DataFrame, rows: pl.DataFrame) -> pl.Series:
        """The namespaces at the other ends."""
        names = (
            pl.when(pl.col(address) == "").then(namespace).otherwise(pl.lit(""))
            for address, namespace in self._ends
        )
        parts = {label for end in self._ends for label in end}
        chosen = labels.select(sorted(parts))[rows[_ROW]]
        return chosen.select(pl.concat_str(names).alias(_NAMESPACE)).to_series()

    def _add(self, rows: pl.DataFrame, labels: pl.DataFrame) -> None:
        self._note(labels.select(self._addresses)[rows[_ROW]])
        counts = rows.group_by(_NAMESPACE, _WIDTH).len().rows()
        self._used.update({(name, width): number for name, width, number in counts})
        for name, width, _ in counts:
            if self._used[name, width] >= self._rows:
                self._full[width].add(name)
        self._known.add(rows[_KEY].to_numpy(), np.zeros(rows.height, np.int64))

    def _note(self, addresses: pl.DataFrame) -> None:
        """Addresses, and networks by what addresses in them begin with, are not strange."""
        texts = pl.concat([column.alias(_KEY) for column in addresses])
        texts = texts.filter((texts != "") & (texts != self._overflow))
        begin = texts.str.strip_suffix("0/24")
        keys = begin.hash(_SEED).unique().to_numpy()
        new = keys[self._texts.find(keys) < 0]
        self._texts.add(new, np.zeros(len(new), np.int64))

    def _there(self, series: pl.DataFrame) -> list[str]:
        """The columns of addresses with an address in them."""
        return [address for address in self._addresses if (series[address] != "").any()]

    def _replaced(self, series: pl.DataFrame, rows: pl.Series, wider: _Wider) -> pl.DataFrame:
        """The same rows, some of which have wider addresses."""
        chosen = pl.int_range(series.height, dtype=pl.UInt32, eager=True).is_in(rows.implode())
        return series.with_columns(
            pl.when(chosen).then(wider(series[address])).otherwise(pl.col(address)).alias(address)
            for address in self._there(series)
        )

    def _networks(self, texts: pl.Series) -> pl.Series:
        """The /24 or /64 around addresses; `overflow` for what is not an address; "" stays."""
        around = pl.first().str.strip_chars_end(_DIGITS) + "0/24"
        named = (
            pl.when(pl.first().str.contains(_IPV4))
            .then(around)
            .otherwise(pl.coalesce(cidr.networks_64(pl.first()), pl.first()))
        )
        wide = texts.to_frame().select(named).to_series()
        others = wide.filter(~wide.str.contains("/", literal=True) & (wide != "")).unique()
        networks = {text: cidr.network(f"{text}/64") or self._overflow for text in others}
        return wide.replace({text: str(network) for text, network in networks.items()})

    def _any(self, texts: pl.Series) -> pl.Series:
        return texts.set(texts != "", self._overflow)
