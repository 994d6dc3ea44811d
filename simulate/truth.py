"""What the counters must read, counted from the generator's own columns."""

from __future__ import annotations

from typing import Any

import polars as pl

from simulate.scenario import SYN

IDENTITY = ("namespace", "workload", "kind", "label")
_ENDS = ("src", "dst")
_SYN_KEYS = ("src", "dst", "DstPort")
_BYTES_KEYS = ("src", "dst", "Proto")
_SOURCE = {
    "namespace": "K8S_Namespace",
    "workload": "K8S_OwnerName",
    "kind": "K8S_OwnerType",
    "label": "SubnetLabel",
}
_MOST_PARTS = 100
_EXPOSED = {
    "namespace": "namespace",
    "workload": "workload",
    "kind": "kind",
    "label": "subnet_label",
}


class Tally:
    """Counts flows by who they run between; flows with a SYN by destination port as well."""

    def __init__(self, peers: pl.DataFrame) -> None:
        identity = pl.struct(IDENTITY).rank("dense").cast(pl.UInt32) - 1
        self._id = peers.select(identity).to_series()
        self._who = peers.select(IDENTITY).with_columns(id=self._id).unique("id").sort("id")
        self._syn: list[pl.DataFrame] = []
        self._bytes: list[pl.DataFrame] = []

    def add(self, flows: pl.DataFrame) -> None:
        """Count a frame of the schema `scenario.FLOW`."""
        seen = flows.with_columns(self._id.gather(flows[end]).alias(end) for end in _ENDS)
        opened = seen.filter(pl.col("Flags") & SYN != 0)
        self._syn.append(opened.group_by(_SYN_KEYS).agg(value=pl.len()))
        self._bytes.append(seen.group_by(_BYTES_KEYS).agg(value=pl.col("Bytes").sum()))
        if len(self._syn) == _MOST_PARTS:
            self._syn = [_summed(self._syn, _SYN_KEYS)]
            self._bytes = [_summed(self._bytes, _BYTES_KEYS)]

    def syn(self) -> pl.DataFrame:
        """Flows with a SYN: src_* and dst_* of IDENTITY, port (String), value (Int64)."""
        named = self._named(self._syn, _SYN_KEYS)
        return named.rename({"DstPort": "port"}).cast({"port": pl.String})

    def bytes(self) -> pl.DataFrame:
        """Bytes of all flows: src_* and dst_* of IDENTITY, Proto (String), value (Int64)."""
        return self._named(self._bytes, _BYTES_KEYS).cast({"Proto": pl.String})

    def _named(self, parts: list[pl.DataFrame], keys: tuple[str, ...]) -> pl.DataFrame:
        total = _summed(parts, keys).cast({"value": pl.Int64})
        for end in _ENDS:
            who = self._who.rename({name: f"{end}_{name}" for name in IDENTITY})
            total = total.join(who, left_on=end, right_on="id")
        ends = [f"{end}_{name}" for end in _ENDS for name in IDENTITY]
        keep = [*ends, keys[-1]]
        return total.select(*keep, "value").group_by(keep).agg(pl.col("value").sum()).sort(keep)


def _summed(parts: list[pl.DataFrame], keys: tuple[str, ...]) -> pl.DataFrame:
    return pl.concat(parts).group_by(keys).agg(pl.col("value").sum())


def families(syn: pl.DataFrame, volume: pl.DataFrame | None = None) -> dict[str, Any]:
    """The blog's pair of metrics, and with `volume` the bytes metric: labels and series."""
    found = {
        "netobserv_workload_syn_in": _family(syn, dst="", src="from_"),
        "netobserv_workload_syn_out": _family(syn, dst="to_", src=""),
    }
    if volume is not None:
        names = {f"{e}_{n}": f"{e.title()}{s}" for e in _ENDS for n, s in _SOURCE.items()}
        found["netobserv_workload_bytes"] = _listed(volume.rename(names))
    return found


def without_label(syn: pl.DataFrame, *labels: str) -> pl.DataFrame:
    """The same counts where these subnet labels are not configured."""
    ends = [f"{end}_label" for end in _ENDS]
    blank = [pl.when(pl.col(e).is_in(labels)).then(pl.lit("")).otherwise(e).alias(e) for e in ends]
    keys = syn.columns[:-1]
    return syn.with_columns(blank).group_by(keys).agg(pl.col("value").sum()).sort(keys)


def _family(syn: pl.DataFrame, **prefixes: str) -> dict[str, Any]:
    names = {f"{e}_{n}": prefixes[e] + x for e in _ENDS for n, x in _EXPOSED.items()}
    return _listed(syn.rename(names).with_columns(Flags=pl.lit("SYN")))


def _listed(frame: pl.DataFrame) -> dict[str, Any]:
    labels = [column for column in frame.columns if column != "value"]
    series = frame.select(*labels, "value").sort(labels)
    return {"labels": labels, "series": [list(row) for row in series.rows()]}
