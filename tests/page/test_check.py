"""One connection, as a reader asks for it."""

from __future__ import annotations

import msgspec
import pytest

from page.check import Asked, CheckPage, page
from page.query import asked
from pipeline.api.server import UnansweredError
from tests.support.seen import reference_seen

SEEN = reference_seen()
PLUGIN, PIPELINE = "netobserv/netobserv-plugin", "netobserv/flowlogs-pipeline"


def check(client: str, server: str, port: int, **more: str) -> CheckPage:
    return page(SEEN, asked({"from": client, "to": server, "port": str(port), **more}, Asked))


def test_what_was_seen_is_allowed_by_a_rule_of_each_end() -> None:
    found = check(PIPELINE, "noo-loki/loki-gateway", 8080)
    assert found.draft.verdict == "allowed"
    egress = "by netobserv/flowlogs-pipeline egress[1]"
    assert found.draft.because == [
        f"egress of DaemonSet netobserv/flowlogs-pipeline: allowed, {egress}",
        "ingress of Deployment noo-loki/loki-gateway: allowed, by noo-loki/loki-gateway ingress[0]",
    ]
    assert found.in_force.verdict == "unknown", "no policy is listed"
    assert found.seen
    assert (found.seen.state, found.seen.flows) == ("established", 720)
    assert str(found.seen.last_seen) == "2025-10-28T10:04:58Z"


def test_what_was_not_seen_is_denied_by_the_draft_alone() -> None:
    found = check(PLUGIN, PIPELINE, 22)
    assert (found.draft.verdict, found.in_force.verdict, found.seen) == ("denied", "unknown", None)
    assert found.draft.because[1] == (
        "ingress of DaemonSet netobserv/flowlogs-pipeline: denied,"
        " isolated by netobserv/flowlogs-pipeline"
    )
    assert check(PIPELINE, "noo-loki/loki-gateway", 8080, protocol="UDP").draft.verdict == "denied"


def test_addresses_labels_and_nodes() -> None:
    """A node that was seen is judged by the address that it has connected from."""
    found = check("203.0.113.7", PIPELINE, 2055)
    assert (found.client, found.draft.verdict, found.seen) == ("203.0.113.7", "denied", None)
    node = "ip-10-0-30-68.eu-west-3.compute.internal"
    found = check(node, PIPELINE, 2055)
    assert (found.client, found.draft.verdict) == (f"Node {node}", "allowed")
    assert found.seen
    assert check(node, PIPELINE, 22).draft.verdict == "undecided"


def test_two_ends_outside_are_nobodys_to_decide() -> None:
    assert check("203.0.113.7", "198.51.100.1", 443).draft.verdict == "allowed"


@pytest.mark.parametrize(
    ("query", "why"),
    [
        (
            {"from": "netobserv/plugin", "to": PIPELINE, "port": "1"},
            "nothing is called",
        ),
        ({"from": PLUGIN, "to": "", "port": "1"}, 'nothing is called ""'),
        (
            {"from": PLUGIN, "to": PIPELINE, "port": "0"},
            'port: "0" is not a number from 1 to',
        ),
        ({"from": PLUGIN, "to": PIPELINE}, "port is missing: ?port=..."),
        ({"to": PIPELINE, "port": "1"}, "from is missing: ?from=..."),
        (
            {"from": PLUGIN, "to": PIPELINE, "port": "1", "protocol": "tcp"},
            'protocol: "tcp" is not known; did you mean "TCP"?',
        ),
    ],
)
def test_questions_that_are_not_clear(query: dict[str, str], why: str) -> None:
    with pytest.raises(UnansweredError) as caught:
        page(SEEN, asked(query, Asked))
    assert why in str(caught.value)
    assert caught.value.status == 400


def test_an_answer_is_as_it_is_described() -> None:
    content = msgspec.json.encode(check(PLUGIN, PIPELINE, 9401))
    assert msgspec.json.decode(content, type=CheckPage).port == 9401
