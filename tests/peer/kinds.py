"""The kinds of examples that hypothesis makes to compare both programs."""

from __future__ import annotations

from collections.abc import Callable

from hypothesis import strategies as st

from tests.peer import made, made_extract, made_records
from tests.peer.feeds import Calls, Feed, Lines, Topic
from tests.peer.pipelines import Pipeline
from tests.real.broker import Broker

Examples = st.SearchStrategy[tuple[Pipeline, Feed]]

KINDS: dict[str, Examples] = {
    "lines": st.tuples(made.pipelines, made.flows.map(Lines)),
    "graphs": st.tuples(made.graphs, made.flows.map(Lines)),
    "groups": st.tuples(made_extract.pipelines, made_extract.flows.map(Lines)),
    "messages": st.tuples(made_records.pipelines, made_records.messages.map(Calls)),
}
"""Stages in a line, fan-out and fan-in, what collects flows, and messages of agents over gRPC."""

WITH_A_BROKER: dict[str, Callable[[Broker], Examples]] = {
    "topic of messages": lambda broker: st.tuples(
        made_records.pipelines,
        made_records.messages.map(lambda own: Topic(broker, own, "protobuf")),
    ),
    "topic of JSON": lambda broker: st.tuples(
        made.pipelines,
        made.flows.map(lambda text: Topic(broker, text.encode().splitlines(), "json")),
    ),
}
"""The same from a topic."""
