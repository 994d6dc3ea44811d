"""Edges against the truth of simulations, through the stage that counts their facts."""

from __future__ import annotations

import random
from collections.abc import Iterator

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from matrix.derive import edges
from matrix.objects import Objects
from pipeline.flows import service_ports
from simulate.edges import KEY, true_edges
from simulate.mixed import grown, mixed
from simulate.reference import reference
from simulate.scenario import EPHEMERAL, EPHEMERAL_PORTS
from simulate.traffic import (
    ASKING,
    ASSOCIATION,
    DATAGRAM,
    ECHO,
    LASTING,
    LOGGING,
    NO_FLAGS,
    OLD,
    RAW_BITS,
    REFUSED,
    SHORT,
    UNANSWERED,
    Connection,
    Link,
    Style,
    Traffic,
)
from tests.support.edges import as_truth, counted, edges_of, enriched

WINDOW = 60_000
CERTAIN = pl.col("evidence") != "uncertain"
ENDS = KEY[:10]


def evidence(found: pl.DataFrame) -> Iterator[tuple[str, int, str]]:
    yield from found.select("protocol", "port", "evidence").iter_rows()


@pytest.mark.parametrize("client_ports", [(32_768, 28_232), (1024, 60_000)])
@pytest.mark.parametrize("seed", range(3))
def test_every_edge_is_found_and_none_is_invented(seed: int, client_ports: tuple[int, int]) -> None:
    """All sorts of connections at once: who, whom, which port, through what, how many, how.

    Also where clients take low ports, which look like those of servers.
    """
    scenario = mixed(seed, client_ports=client_ports)
    found = edges_of(scenario.cluster, scenario.frames)
    assert scenario.edges is not None
    assert_frame_equal(as_truth(found), scenario.edges)
    for protocol, port, why in evidence(found):
        if protocol == "ICMP":
            assert why == "echo"
        elif protocol == "TCP" and port not in {5432, 41_000}:
            assert why in {"syn", "declared"} if port == 8443 else why == "syn"
        elif port in {5353, 36_412}:
            assert why == "declared"
        elif port != 5432:
            assert why == "fan_in"
    old = found.filter(pl.col("port") == 5432).select("client_workload", "evidence").rows()
    assert sorted(old) == [("api", "syn"), ("web", "well_known")]


@pytest.mark.parametrize("raw", ["agents", "raw bits too"])
def test_the_reference_scenario(raw: str) -> None:
    """The 12 and 16 rows are one row a connection; DNS is there; no port is a client's."""
    scenario = reference(ipfix_replies=raw != "agents")
    found = edges_of(scenario.cluster, scenario.frames)
    assert scenario.edges is not None
    assert_frame_equal(as_truth(found), scenario.edges)
    assert found["port"].max() == 9443
    assert "Service" not in found["server_kind"]
    assert found.filter(~CERTAIN).is_empty()


def test_batches_do_not_matter() -> None:
    """However the flows are split, the edges are the same."""
    scenario = mixed()
    (frame,) = scenario.frames
    objects, whole = Objects.of(scenario.cluster.manifests), enriched(frame, scenario.cluster)
    shuffled = whole.sample(fraction=1.0, shuffle=True, seed=1)
    one, other = (
        edges(counted(batches), objects)
        for batches in ([whole], [shuffled[n::7] for n in range(7)])
    )
    assert_frame_equal(one, other)


CLUSTER, PLACES = grown()


@pytest.mark.parametrize("client_ports", [(1024, 30_000), (2000, 40), (30_000, 20_000)])
@pytest.mark.parametrize("seed", range(4))
def test_bits_of_the_header(seed: int, client_ports: tuple[int, int]) -> None:
    """SYN and ACK both ways: who began first has opened, also with ports as those of servers.

    Two servers on a pair of ends, servers that are clients as well, and single connections; ports
    that look like a service's on either side.
    """
    links = [
        *(Link("db", "api", port, every=5, style=RAW_BITS) for port in (7001, 9999)),
        *(Link("api", "web", port, every=5, style=RAW_BITS) for port in (7001, 41_000)),
        Link("web", "db", 7002, style=RAW_BITS),
        Link("internet", "db", 7003, style=RAW_BITS, mesh=True),
        Link("logs", "internet", 6881, style=RAW_BITS),
        Link("crawler", "node", 9100, every=30, style=RAW_BITS),
    ]
    told: list[tuple[Link, Connection]] = []
    traffic = Traffic(CLUSTER.peers, PLACES, WINDOW, random.Random(seed), client_ports)
    found = edges_of(CLUSTER, [traffic.flows(links, told)])
    assert_frame_equal(as_truth(found), true_edges(told, CLUSTER.peers, PLACES))
    assert set(found["evidence"]) <= {"first", "syn"}
    if client_ports[0] < 30_000:
        assert "first" in set(found["evidence"])


STYLES = [SHORT, LASTING, OLD, REFUSED, NO_FLAGS, RAW_BITS, UNANSWERED]
STYLES += [DATAGRAM, ASKING, LOGGING, ASSOCIATION, ECHO]
CLIENTS = ["web", "api", "db", "logs", "node", "internet", "partner", "gone"]
SERVED = {("web", 8443): ("web", 443), ("api", 50_051): ("api", 80)}
PORTS = [*SERVED, *(("db", port) for port in (5432, 7001, 41_000))]
PORTS += [("node", 9100), ("internet", 443), ("internet", 6881), ("partner", 8888)]
OUTSIDE = {"internet", "partner", "gone"}


def link(client: str, server: tuple[str, int], style: Style, every: int, *, mesh: bool) -> Link:
    """A link, by a Service where it is TCP and the server has one."""
    service = SERVED.get(server, ("", 0)) if style.proto == SHORT.proto else ("", 0)
    return Link(client, *server, *service, every=every, style=style, mesh=mesh)


LINKS = st.builds(
    link,
    st.sampled_from(CLIENTS),
    st.sampled_from(PORTS),
    st.sampled_from(STYLES),
    st.sampled_from([0, 3, 20]),
    mesh=st.booleans(),
).filter(lambda one: one.client != one.server and not {one.client, one.server} <= OUTSIDE)


@pytest.mark.slow
@given(
    st.lists(LINKS, min_size=1, max_size=8),
    st.integers(0, 2**32),
    st.sampled_from([(EPHEMERAL, EPHEMERAL_PORTS), (1024, 60_000), (2000, 500), (2000, 40)]),
)
@settings(max_examples=2 * settings().max_examples)
def test_what_is_certain_is_true(
    links: list[Link], seed: int, client_ports: tuple[int, int]
) -> None:
    """Of any connections: a row is true, or uncertain; what is true is there, or is uncertain.

    The connections of a true edge are counted as they were, unless some are uncertain.
    """
    told: list[tuple[Link, Connection]] = []
    traffic = Traffic(CLUSTER.peers, PLACES, WINDOW, random.Random(seed), client_ports)
    flows = traffic.flows(links, told)
    found = edges_of(CLUSTER, [flows])
    truth = true_edges(told, CLUSTER.peers, PLACES)
    certain, doubtful = as_truth(found.filter(CERTAIN)), found.filter(~CERTAIN)
    assert certain.join(truth, on=KEY, how="anti", nulls_equal=True).rows() == []
    turned = doubtful.rename(
        {name: name.replace("client", "server") for name in ENDS[:5]}
        | {name: name.replace("server", "client") for name in ENDS[5:]}
    )
    pairs = pl.concat(frame.select(*ENDS, "protocol") for frame in (doubtful, turned))
    missing = truth.join(certain, on=KEY, how="anti", nulls_equal=True)
    assert missing.join(pairs, on=[*ENDS, "protocol"], how="anti").rows() == []
    sure = truth.join(pairs, on=[*ENDS, "protocol"], how="anti")
    own = certain.join(sure, on=KEY, how="semi", nulls_equal=True)
    assert_frame_equal(own, sure)
    for _, port, why in evidence(found):
        assert (why == "well_known") <= service_ports.known()[port or 0]
