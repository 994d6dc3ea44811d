"""Enrichment of one end of the flows of a batch, from an index of Kubernetes objects."""

from __future__ import annotations

import msgspec
import polars as pl

from pipeline import limits
from pipeline.flows import cidr, values
from pipeline.flows.lookup_cache import PLACE, SINCE, LookupCache
from pipeline.kube.columns import Assignee, Column, Copied, columns, copied
from pipeline.kube.index.history import Held, Period
from pipeline.kube.index.index import PRIMARY, Index
from pipeline.kube.index.owners import Climb
from pipeline.kube.index.peers import Peers

ENDED = "TimeFlowEndMs"
"""The field with the end time of a flow: the peers are those that had the addresses then."""

_PART, _ITEM = "\x1e", "\x1f"
"""Separators of the parts, and of the elements of a list, in the cache key of an end."""


class EndFields(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One end of a flow: the fields that identify it, and the prefix of the fields to write.

    Secondary networks are only looked up by `mac`, `interfaces` and `udns` that are given.
    """

    address: str
    output: str
    mac: str = ""
    interfaces: str = ""
    udns: str = ""
    assignee: Assignee = ""
    zone: bool = False
    labels: Copied = Copied()
    annotations: Copied = Copied()


class Enricher:
    """Looks up one end of flows, once per distinct address (with its secondary parts).

    `other`: of the end before, in each batch; where both are looked up for the same, once for both.
    """

    def __init__(
        self,
        end: EndFields,
        index: Index,
        climb: Climb,
        needed: frozenset[str] | None = None,
        other: Enricher | None = None,
    ) -> None:
        self._end, self._index, self._climb, self._needed = end, index, climb, needed
        self._other = other
        self._secondary = bool(end.mac or end.interfaces or end.udns)
        self._keyed = self._secondary or bool(index.options.multus)  # an address may be a key
        self._renew()

    def __call__(self, flows: pl.DataFrame) -> pl.DataFrame:
        """The flows with the columns of this end; other fields stay as they are."""
        if self._index.version != self._version:
            self._follow()
        schema = flows.schema
        if not self._columns or not values.known(schema, self._end.address):
            return flows
        found = self._memo.get(values.column(flows, self._key(schema)), at=self._ended(flows))
        fresh: dict[str, pl.Series] = {}
        for (name, _), series in zip(self._columns, found, strict=True):
            if values.known(schema, name):
                flows = values.put(flows, name, series)
            elif name in fresh:
                fresh[name] = pl.select(pl.coalesce(series, fresh[name])).to_series()
            else:
                fresh[name] = series
        return flows.with_columns(**fresh)

    def _renew(self) -> None:
        """Compute everything that depends on the state of the index again."""
        end, index, needed = self._end, self._index, self._needed
        fixed = columns(end.output, end.assignee, zone=end.zone)
        self._columns = [
            *((name, column) for name, column in fixed.items() if needed is None or name in needed),
            *copied("labels", end.labels, index, needed).items(),
            *copied("annotations", end.annotations, index, needed).items(),
        ]
        alike = self._other and self._other.alike
        self._shared = self._other if alike and alike == self.alike else None
        self._asked: dict[str, set[str]] = {}
        self._memo = self._shared.memo if self._shared else LookupCache(self._lookup)
        self._version = index.version

    @property
    def memo(self) -> LookupCache:
        """What was looked up."""
        return self._memo

    @property
    def alike(self) -> tuple[EndFields, list[Column]] | None:
        """What the answer for an address depends on, alike for ends; None: on the index too."""
        end = self._end
        if end.labels.prefix or end.annotations.prefix:
            return None
        same = msgspec.structs.replace(end, address="", output="")
        return same, [column for _, column in self._columns]

    def _key(self, schema: values.Schema) -> pl.Expr:
        """The cache key of this end: its address, with the secondary parts in use."""
        end = self._end
        address = values.string(schema, end.address)
        if not self._secondary:
            return address
        parts = [
            values.string(schema, end.mac).fill_null(""),
            _joined(schema, end.interfaces),
            _joined(schema, end.udns),
        ]
        return pl.concat_str([address, *parts], separator=_PART)

    def _follow(self) -> None:
        """Forget the cached answers that the changes of the index concern."""
        if self._shared:
            self._memo, self._version = self._shared.memo, self._index.version
            return
        changed = self._index.changed(self._version)
        copies = self._end.labels.prefix or self._end.annotations.prefix
        if changed is None or (copies and self._needed is None):
            self._renew()
            return
        same = set() if self._keyed else changed
        self._memo.forget(same | {text for one in changed for text in self._asked.get(one, ())})
        self._version = self._index.version

    def _ended(self, flows: pl.DataFrame) -> pl.Series | None:
        """The end time of each flow (Int64, ms); None when the index does not know the past."""
        if not self._index.timed or not values.known(flows.schema, ENDED):
            return None
        ended = values.number(flows.schema, ENDED).cast(pl.Int64, strict=False)
        found = values.column(flows, ended)
        self._look_for_the_past(found)
        return found

    def _look_for_the_past(self, ended: pl.Series) -> None:
        oldest = ended.filter(ended > 0).min()
        if isinstance(oldest, int) and oldest < self._index.remembered:
            window = self._index.options.window
            limits.reached(
                f"flows ended more than {window:g} s before they were looked up",
                "their addresses are those of who has them now; a longer window remembers who had",
            )

    def _lookup(self, texts: pl.Series) -> pl.DataFrame:
        """A row of values for every period of every cache key."""
        held, networks = self._by_key(texts) if self._keyed else self._by_address(texts)
        peers = Peers(self._index, self._climb, held.entries, networks)
        return pl.DataFrame(
            [
                pl.Series(PLACE, held.places, dtype=pl.UInt32),
                pl.Series(SINCE, held.since, dtype=pl.Int64),
                *(column.read(peers).alias(str(i)) for i, (_, column) in enumerate(self._columns)),
            ]
        )

    def _by_address(self, texts: pl.Series) -> tuple[Held, list[str]]:
        """The holders of addresses, and in which networks."""
        canonical = cidr.canonical_texts(texts)
        other = canonical != texts
        for one, text in zip(canonical.filter(other), texts.filter(other), strict=True):
            self._asked.setdefault(one, set()).add(text)
        held = self._index.held(canonical.to_list())
        return held, [PRIMARY] * len(held.entries)

    def _by_key(self, texts: pl.Series) -> tuple[Held, list[str]]:
        """The same of cache keys with secondary parts."""
        held, networks = Held([], [], []), list[str]()
        for place, text in enumerate(texts):
            for period, network in self._periods(text):
                held.add(place, *period)
                networks.append(network)
        return held, networks

    def _periods(self, text: str) -> list[tuple[Period, str]]:
        address, *more = text.rsplit(_PART, 3)
        mac, interfaces, udns = more or ("", "", "")
        parts = (interfaces.split(_ITEM), udns.split(_ITEM))
        for one in self._index.texts(address, mac, *parts):
            self._asked.setdefault(one, set()).add(text)
        return self._index.periods(address, mac=mac, interfaces=parts[0], udns=parts[1])


def _joined(schema: values.Schema, name: str) -> pl.Expr:
    if schema.get(name) != pl.List(pl.String):
        return pl.lit("")
    return pl.col(name).list.join(_ITEM, ignore_nulls=True).fill_null("")
