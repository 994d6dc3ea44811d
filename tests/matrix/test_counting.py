"""What becomes of the facts of one edge: its numbers and its state."""

from __future__ import annotations

from typing import Any

import polars as pl
import pytest

from matrix.counting import EDGE, counted, numbered
from tests.support.edges import edge_facts, fact

WEB, API = "Deployment/shop/web", "Deployment/shop/api"


def row(*facts: dict[str, Any]) -> dict[str, Any]:
    """The one edge of facts."""
    (found,) = counted(numbered(edge_facts(*facts), EDGE)).rows(named=True)
    return found


def of(**numbers: Any) -> dict[str, Any]:
    """The edge of one fact."""
    return row(fact(WEB, API) | {"port": 80} | numbers)


def state(**numbers: Any) -> str:
    return str(of(**numbers)["state"])


def test_reports_of_two_nodes_are_counted_once() -> None:
    """By the agent that has reported more; what one agent saw of both ends is added."""
    found = row(
        fact(WEB, API, 80, reporter="client", flows=4, reply_flows=3, syn=4, bytes=50),
        fact(WEB, API, 80, reporter="server", flows=5, reply_flows=1, syn=3, bytes=60),
        fact(WEB, API, 80, reporter="both", flows=10, syn=10, bytes=100),
        fact(WEB, API, 80, reporter="", flows=1, bytes=1),
        fact(WEB, API, 80, reporter="server", evidence="well_known", flows=2, last_seen=300.0),
    )
    assert (found["flows"], found["reply_flows"], found["bytes"]) == (7 + 10 + 1, 3, 161)
    assert (found["attempted"], found["repeated"]) == (14, 7)
    assert (found["evidence"], found["first_seen"], found["last_seen"]) == ("syn", 100.0, 300.0)


def test_sampling_is_the_largest() -> None:
    both = fact(WEB, API, 80, sampling_max=50), fact(WEB, API, 80, reporter="", sampling_max=1)
    assert row(*both)["sampling"] == 50
    assert of()["sampling"] == 0


def test_a_connection() -> None:
    """Accepted as often as the server said so; a SYN_ACK without its SYN was an attempt, too."""
    numbers = {"flows": 3, "reply_flows": 3, "syn": 2, "syn_ack": 3, "rst": 0}
    found = of(**numbers)
    counts = [found[name] for name in ("attempted", "accepted", "refused", "state")]
    assert counts == [3, 3, 0, "established"]


def test_some_are_refused() -> None:
    """A reset of an open connection refuses nothing."""
    found = of(flows=5, reply_flows=5, syn=5, syn_ack=3, rst=4)
    assert (found["accepted"], found["refused"], found["state"]) == (3, 2, "established")


def test_three_unanswered_attempts_are_attempts() -> None:
    """As a scanner makes them: they are never accepted, however often the SYN is sent again."""
    found = of(flows=3, syn=3, packets=21)
    assert (found["attempted"], found["accepted"], found["state"]) == (3, 0, "attempted")


def test_resets_refuse() -> None:
    found = of(flows=3, syn=3, packets=9, reply_flows=3, rst=3, reply_packets=9)
    counts = [found[name] for name in ("attempted", "accepted", "refused", "state")]
    assert counts == [3, 0, 3, "attempted"]


def test_a_source_that_tells_of_no_syn_ack() -> None:
    """Replies to opening flows accept them."""
    found = of(flows=3, syn=3, reply_flows=2)
    assert (found["accepted"], found["state"]) == (2, "established")


@pytest.mark.parametrize("reply_flows", [0, 5])
def test_a_connection_that_is_older(reply_flows: int) -> None:
    """Packets without SYN are of a connection that was open before."""
    found = of(flows=5, packets=20, reply_flows=reply_flows, evidence="well_known")
    assert (found["attempted"], found["accepted"], found["state"]) == (0, 0, "established")


def test_what_goes_on_after_a_syn_is_open() -> None:
    """Where replies are not seen: nobody sends so much to a server that is silent."""
    assert state(flows=9, syn=1, packets=100) == "established"


def test_what_a_policy_denies() -> None:
    """It is denied while nobody answers; older flows do not open what is denied now."""
    assert state(flows=3, syn=3, packets=9, denied=3) == "denied"
    assert state(flows=9, packets=99, denied=3) == "denied"
    found = of(flows=3, syn=3, reply_flows=1, syn_ack=1, denied=2, allowed=1)
    assert (found["state"], found["denied"], found["allowed"]) == ("established", 2, 1)


@pytest.mark.parametrize(
    ("numbers", "expected"),
    [
        ({"flows": 1, "packets": 1, "reply_flows": 1}, "established"),
        ({"flows": 0, "reply_flows": 1}, "established"),
        ({"flows": 2, "packets": 4}, "attempted"),
        ({"flows": 20, "packets": 20}, "established"),
        ({"flows": 20, "packets": 20, "last_seen": 110.0}, "attempted"),
        ({"flows": 2, "packets": 20, "last_seen": 110.0}, "established"),
        ({"flows": 20, "packets": 200, "port": 53}, "attempted"),
        ({"flows": 20, "packets": 200, "drop_packets": 195}, "attempted"),
        ({"flows": 20, "packets": 200, "denied": 20}, "denied"),
    ],
)
@pytest.mark.parametrize("protocol", ["UDP", "SCTP"])
def test_protocols_without_a_syn(numbers: dict[str, Any], expected: str, protocol: str) -> None:
    """A reply, or what goes on without one: logs do, requests that nobody answers do not."""
    assert state(protocol=protocol, evidence="well_known", **numbers) == expected


def test_an_echo_needs_a_reply() -> None:
    one = {"protocol": "ICMP", "evidence": "echo", "port": None, "flows": 99, "packets": 999}
    assert (state(**one), state(**one, reply_flows=1)) == ("attempted", "established")


def test_what_is_uncertain_is_neither() -> None:
    assert state(flows=3, reply_flows=3, evidence="uncertain") == "uncertain"
    certain = fact(WEB, API, 80, flows=3, reply_flows=3, syn_ack=3)
    assert row(certain, fact(WEB, API, 80, evidence="uncertain"))["state"] == "established"


def test_edges_differ_by_end_protocol_and_port() -> None:
    """A deleted pod (the label of a network of pods) is not a client of the internet."""
    ends = ["label:Pods", "198.51.100.1", "198.51.100.2", WEB]
    facts = [fact(end, API, port) for end in ends for port in (80, 81)]
    facts.append(fact(WEB, API, 80, protocol="UDP"))
    found = counted(numbered(edge_facts(*facts, *facts), EDGE))
    assert found.height == len(facts)
    assert found.filter(pl.col("client_label") == "Pods").height == 2
