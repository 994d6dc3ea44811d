"""What the counters must read, counted from a few flows by hand."""

from __future__ import annotations

import polars as pl
import pytest

from simulate.cluster import Cluster
from simulate.scenario import FLOW
from simulate.truth import Tally, families, without_label

WEB, WEB_2, DB, OUT = 2, 3, 4, 5
WHO = {
    WEB: ("shop", "web", "Deployment", "Pods"),
    DB: ("data", "db", "StatefulSet", "Pods"),
    OUT: ("", "", "", "S3"),
}


@pytest.fixture
def peers() -> pl.DataFrame:
    """A node, two pods of one workload, one of another, an external address."""
    cluster = Cluster()
    cluster.node("a", "10.0.0.1", "z")
    assert cluster.workload("Deployment", "shop", "web", [0, 0]) == [WEB, WEB_2]
    assert cluster.workload("StatefulSet", "data", "db", [0]) == [DB]
    assert cluster.external("3.5.204.1", "S3") == OUT
    return cluster.frame()


def frame(*rows: tuple[int, int, int, int | None, int]) -> pl.DataFrame:
    """Flows by source, destination, destination port, flags and bytes; UDP without flags."""
    told = [
        {
            "src": src,
            "dst": dst,
            "reporter": src,
            "SrcPort": 40_000,
            "DstPort": port,
            "Proto": 17 if flags is None else 6,
            "Flags": flags,
            "Bytes": size,
            "Packets": 1,
            "TimeFlowStartMs": 0,
            "TimeFlowEndMs": 1,
        }
        for src, dst, port, flags, size in rows
    ]
    return pl.DataFrame(told, schema=FLOW)


FLOWS = frame(
    (WEB, DB, 5432, 2, 10),
    (WEB_2, DB, 5432, 530, 20),
    (DB, WEB, 40_000, 272, 5),
    (WEB, DB, 5433, 2, 1),
    (WEB, OUT, 443, 2, 7),
    (WEB, DB, 53, None, 3),
    (WEB, DB, 5432, 0, 2),
)


def counted(peers: pl.DataFrame, *frames: pl.DataFrame) -> Tally:
    tally = Tally(peers)
    for one in frames:
        tally.add(one)
    return tally


def test_flows_with_a_syn_by_workload_and_port(peers: pl.DataFrame) -> None:
    """Pods of a workload count together; a SYN+ACK of the agent is no SYN, and UDP has none."""
    rows = set(counted(peers, FLOWS).syn().iter_rows())
    assert rows == {
        (*WHO[WEB], *WHO[DB], "5432", 2),
        (*WHO[WEB], *WHO[DB], "5433", 1),
        (*WHO[WEB], *WHO[OUT], "443", 1),
    }


def test_bytes_of_all_flows_by_protocol(peers: pl.DataFrame) -> None:
    rows = set(counted(peers, FLOWS).bytes().iter_rows())
    assert rows == {
        (*WHO[WEB], *WHO[DB], "6", 33),
        (*WHO[WEB], *WHO[DB], "17", 3),
        (*WHO[DB], *WHO[WEB], "6", 5),
        (*WHO[WEB], *WHO[OUT], "6", 7),
    }


def test_frames_add_up_however_many_there_are(peers: pl.DataFrame) -> None:
    """More than are kept apart are summed on the way."""
    once, often = counted(peers, FLOWS), counted(peers, *[FLOWS] * 250)
    for whole, part in ((often.syn(), once.syn()), (often.bytes(), once.bytes())):
        assert whole.equals(part.with_columns(pl.col("value") * 250))


def test_without_a_label_its_addresses_have_none(peers: pl.DataFrame) -> None:
    syn = counted(peers, FLOWS).syn()
    blank = without_label(syn, "S3")
    assert set(blank.filter(pl.col("port") == "443")["dst_label"]) == {""}
    assert set(blank["src_label"]) == {"Pods"}
    assert blank["value"].sum() == syn["value"].sum()


def test_rows_that_differ_only_in_the_label_become_one(peers: pl.DataFrame) -> None:
    syn = counted(peers, FLOWS).syn()
    two = pl.concat([syn, syn.with_columns(dst_label=pl.lit("S3"))])
    blank = without_label(two, "S3", "Pods")
    assert set(blank["src_label"]) | set(blank["dst_label"]) == {""}
    assert blank.height == syn.height
    assert blank["value"].sum() == 2 * syn["value"].sum()


def test_families_are_the_pair_of_the_post_and_the_bytes(peers: pl.DataFrame) -> None:
    tally = counted(peers, FLOWS)
    found = families(tally.syn(), tally.bytes())
    assert list(found) == [
        "netobserv_workload_syn_in",
        "netobserv_workload_syn_out",
        "netobserv_workload_bytes",
    ]
    out = found["netobserv_workload_syn_out"]
    assert out["labels"][:4] == ["namespace", "workload", "kind", "subnet_label"]
    assert tuple(out["series"][0][:4]) == ("shop", "web", "Deployment", "Pods")
    assert {row[-2] for row in out["series"]} == {"SYN"}
    assert "netobserv_workload_bytes" not in families(tally.syn())
