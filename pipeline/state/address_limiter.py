"""Label sets with addresses, of which a table keeps a limited number: networks stand for the rest.

So an external peer is known by its address, and a scan of a million addresses stays a few rows.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence

import polars as pl

from pipeline.flows import cidr
from pipeline.stage import AddressLimit

_ADDRESS, _NETWORK, _ANY = range(3)
_NAMESPACE, _KEY, _WIDTH, _ROW = ":namespace", ":key", ":width", ":row"
_IPV4 = r"^\d+\.\d+\.\d+\.\d+$"
_SEED = 7
_FEW = 20_000
"""Keys that are sorted in again whenever there are new ones."""
_Wider = Callable[[pl.Series], pl.Series]


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
        self._known, self._recent = (pl.Series(_KEY, [], dtype=pl.UInt64) for _ in range(2))
        self._used: Counter[tuple[str, int]] = Counter()
        self._full: dict[int, set[str]] = {_ADDRESS: set(), _NETWORK: set()}

    def know(self, labels: pl.DataFrame) -> None:
        """Label sets (String, no nulls) that the table has."""
        rows = self._outside(labels).unique(_KEY).filter(pl.col(_WIDTH) < _ANY)
        rows = rows.filter(~self._is_known(rows[_KEY]))
        self._add(rows.with_columns(self._namespace(labels, rows)))

    def admit(self, series: pl.DataFrame) -> tuple[pl.DataFrame, int]:
        """A delta, with wider addresses in the rows for which there is no room; how many they are.

        Rows stay where they are, so that a label set may have several of them.
        """
        if not any((series[address] != "").any() for address in self._addresses):
            return series, 0
        beyond = self._beyond(series, _ADDRESS)
        if beyond.is_empty():
            return series, 0
        series = self._replaced(series, beyond, self._networks)
        without = self._beyond(series, _NETWORK)
        if not without.is_empty():
            series = self._replaced(series, without, self._any)
        return series, len(beyond)

    def _beyond(self, series: pl.DataFrame, width: int) -> pl.Series:
        """The rows (UInt32) whose addresses of this width have no room; the others get theirs."""
        rows = self._outside(series).filter(pl.col(_WIDTH) == width)
        rows = rows.filter(~self._is_known(rows[_KEY]))
        if rows.is_empty():
            return rows[_ROW]
        rows = rows.with_columns(self._namespace(series, rows))
        full = pl.Series(sorted(self._full[width]), dtype=pl.String)
        new = rows.filter(~pl.col(_NAMESPACE).is_in(full.implode()))
        if new.is_empty():
            return rows[_ROW]
        new = new.unique(_KEY, keep="first", maintain_order=True)
        used = [self._used[name, width] for name in new[_NAMESPACE].to_list()]
        place = pl.int_range(1, pl.len() + 1).over(_NAMESPACE) + pl.Series(used, dtype=pl.Int64)
        admitted = new.filter(place <= self._rows)
        if admitted.is_empty():
            return rows[_ROW]
        self._add(admitted)
        return rows.filter(~pl.col(_KEY).is_in(admitted[_KEY].implode()))[_ROW]

    def _outside(self, labels: pl.DataFrame) -> pl.DataFrame:
        """The rows that have an address: where they are, key, and width."""
        addresses = pl.col(self._addresses)
        outside = labels.select(pl.any_horizontal(addresses != "").arg_true()).to_series()
        rows = labels.select(self._parts)[outside].insert_column(0, outside.alias(_ROW))
        network = addresses.str.contains("/", literal=True)
        address = (addresses != "") & (addresses != self._overflow) & ~network
        width = (
            pl.when(pl.any_horizontal(address))
            .then(_ADDRESS)
            .when(pl.any_horizontal(network))
            .then(_NETWORK)
            .otherwise(_ANY)
        )
        keys = rows.select(self._parts).hash_rows(_SEED).alias(_KEY)
        return rows.select(_ROW, keys, width.alias(_WIDTH))

    def _namespace(self, labels: pl.DataFrame, rows: pl.DataFrame) -> pl.Series:
        """The namespaces at the other ends."""
        names = (
            pl.when(pl.col(address) == "").then(namespace).otherwise(pl.lit(""))
            for address, namespace in self._ends
        )
        parts = {label for end in self._ends for label in end}
        chosen = labels.select(sorted(parts))[rows[_ROW]]
        return chosen.select(pl.concat_str(names).alias(_NAMESPACE)).to_series()

    def _is_known(self, keys: pl.Series) -> pl.Series:
        return _has(self._known, keys) | _has(self._recent, keys)

    def _add(self, rows: pl.DataFrame) -> None:
        counts = rows.group_by(_NAMESPACE, _WIDTH).len().rows()
        self._used.update({(name, width): number for name, width, number in counts})
        for name, width, _ in counts:
            if self._used[name, width] >= self._rows:
                self._full[width].add(name)
        self._recent = pl.concat([self._recent, rows[_KEY]]).sort()
        if len(self._recent) > _FEW:
            self._known = pl.concat([self._known, self._recent]).sort()
            self._recent = self._recent.clear()

    def _replaced(self, series: pl.DataFrame, rows: pl.Series, wider: _Wider) -> pl.DataFrame:
        """The same rows, some of which have wider addresses."""
        chosen = pl.int_range(series.height, dtype=pl.UInt32, eager=True).is_in(rows.implode())
        return series.with_columns(
            pl.when(chosen).then(wider(series[address])).otherwise(pl.col(address)).alias(address)
            for address in self._addresses
        )

    def _networks(self, texts: pl.Series) -> pl.Series:
        """The /24 or /64 around addresses; `overflow` for what is not an address; "" stays."""
        around = pl.first().str.strip_chars_end("0123456789") + "0/24"
        named = pl.when(pl.first().str.contains(_IPV4)).then(around).otherwise(pl.first())
        wide = texts.to_frame().select(named).to_series()
        others = wide.filter(~wide.str.contains("/", literal=True) & (wide != "")).unique()
        networks = {text: cidr.network(f"{text}/64") or self._overflow for text in others}
        return wide.replace({text: str(network) for text, network in networks.items()})

    def _any(self, texts: pl.Series) -> pl.Series:
        return texts.set(texts != "", self._overflow)


def _has(known: pl.Series, keys: pl.Series) -> pl.Series:
    """Boolean: which keys are among the known ones (UInt64, ascending)."""
    if known.is_empty():
        return keys.is_null()
    places = known.search_sorted(keys, side="left").clip(0, len(known) - 1)
    return known.gather(places) == keys
