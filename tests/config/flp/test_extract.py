"""extract.conntrack, aggregates and timebased as native stages."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from pipeline.config.loader import loads
from pipeline.diagnostics import ConfigError
from stages.conntrack.stage import Conntrack

GOLDEN = Path(__file__).parents[2] / "golden"


def configured(case: str = "conntrack-bidirectional", **changes: Any) -> Conntrack:
    """The stage of a golden case, with other parameters."""
    config = yaml.safe_load((GOLDEN / case / "config.yaml").read_text())
    config["parameters"][1]["extract"]["conntrack"] |= changes
    loaded = loads(yaml.safe_dump(config), "config.yaml", Path())
    [stage] = [stage for stage in loaded.stages if isinstance(stage, Conntrack)]
    return stage


def test_without_a_limit_there_is_one() -> None:
    assert configured().max_connections == 1_000_000
    assert configured(maxConnectionsTracked=7).max_connections == 7


def test_times_and_selectors_are_taken_as_written() -> None:
    """A plain number of the original counts nanoseconds, and a time that is not given is 0."""
    scheduling = [
        {"selector": {"Proto": 17, "SrcAddr": "::1"}, "endConnectionTimeout": 1_500_000_000},
        {"heartbeatInterval": "1m"},
    ]
    first, last = configured(scheduling=scheduling).scheduling
    assert (first.selector, first.end) == ({"Proto": 17, "SrcAddr": "::1"}, 1.5)
    assert (last.end, last.terminate, last.heartbeat) == (0.0, 0.0, 60.0)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"scheduling": [{"selector": {"Proto": 6}}]}, "the last group must not have a selector"),
        ({"scheduling": [{}, {}]}, "a group without selector must be the last one"),
        ({"scheduling": []}, "there must be a group without selector"),
        ({"scheduling": [{"endConnectionTimeout": "1 s"}]}, '"1 s" is not a duration'),
        ({"scheduling": [{"selector": {"Bytes": 1}}, {}]}, '"Bytes" is not a key field'),
        ({"outputFields": [{"name": "a", "operation": "avg"}]}, "avg"),
        ({"outputFields": [{"name": "a", "operation": "sum"}] * 2}, 'output "a" is given twice'),
        (
            {"outputFields": [{"name": "a", "operation": "last", "splitAB": True}]},
            '"last" cannot be split',
        ),
        ({"outputRecordTypes": ["flowlog"]}, "flowlog"),
        ({"outputRecordTypes": []}, "length >= 1"),
        ({"tcpFlags": {"swapAB": True}}, '"field" is missing'),
    ],
)
def test_what_is_wrong_is_said_with_its_place(changes: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigError) as refused:
        configured(**changes)
    assert said in str(refused.value)
    assert "config.yaml:" in str(refused.value)


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ({"fieldGroupARef": "src"}, '"b" is missing'),
        ({"fieldGroupRefs": ["commun"]}, 'there is no group "commun"'),
        ({"fieldGroupARef": "src", "fieldGroupBRef": "common"}, "different numbers of fields"),
        ({}, "no group makes the hash"),
    ],
)
def test_groups_that_cannot_make_a_hash(keys: dict[str, Any], said: str) -> None:
    groups = [
        {"name": "src", "fields": ["SrcAddr", "SrcPort"]},
        {"name": "common", "fields": ["Proto"]},
    ]
    with pytest.raises(ConfigError, match=said):
        configured(keyDefinition={"fieldGroups": groups, "hash": keys}, outputFields=[])


def test_a_group_that_is_given_twice() -> None:
    groups = [{"name": "src", "fields": ["SrcAddr"]}] * 2
    keys = {"fieldGroups": groups, "hash": {"fieldGroupRefs": ["src"]}}
    with pytest.raises(ConfigError, match='field group "src" is given twice'):
        configured(keyDefinition=keys, outputFields=[])


def extracted(kind: str, **block: Any) -> tuple[Any, list[str]]:
    """The stage that a block of rules becomes, and the warnings."""
    config = yaml.safe_load((GOLDEN / "conntrack-bidirectional" / "config.yaml").read_text())
    config["parameters"][1]["extract"] = {"type": kind, kind: block}
    loaded = loads(yaml.safe_dump(config), "config.yaml", Path())
    [stage] = [stage for stage in loaded.stages if stage.type == kind]
    return stage, list(map(str, loaded.warnings))


def test_rules_of_aggregates() -> None:
    rule = {"name": "r", "groupByKeys": ["A", "B"], "operationType": "sum", "operationKey": "v"}
    stage, warnings = extracted("aggregates", rules=[rule, rule | {"expiryTime": "30s"}])
    assert [(r.name, r.by, r.operation, r.value) for r in stage.rules] == [
        ("r", ["A", "B"], "sum", "v")
    ] * 2
    assert [r.expiry for r in stage.rules] == ["2m", 30.0]
    assert warnings == []
    _, warnings = extracted("aggregates", rules=[rule], defaultExpiryTime="5m")
    assert "this has no effect" in warnings[0]


def test_rules_of_timebased() -> None:
    """Also in the older form, with one key."""
    rule = {"name": "r", "operationType": "last", "operationKey": "v", "timeInterval": "10s"}
    new, old = {"indexKeys": ["A", "B"], "topK": 3, "reversed": True}, {"indexKey": "A"}
    stage, _ = extracted("timebased", rules=[rule | new, rule | old])
    first, second = stage.rules
    assert (first.by, first.top, first.reversed, first.window) == (["A", "B"], 3, True, 10.0)
    assert (second.by, second.top, second.reversed) == (["A"], 0, False)


@pytest.mark.parametrize(
    ("kind", "change", "said"),
    [
        ("aggregates", {"groupByKeys": []}, "length >= 1"),
        ("aggregates", {"operationType": "mean"}, "mean"),
        ("aggregates", {"operationKey": ""}, '"sum" needs a "value"'),
        ("aggregates", {"expiryTime": "soon"}, '"soon" is not a duration'),
        ("timebased", {"indexKey": ""}, "length >= 1"),
        ("timebased", {"operationKey": "A"}, '"A" is a field of the group'),
        ("timebased", {"timeInterval": "soon"}, '"soon" is not a duration'),
        ("timebased", {"topK": -1}, "expected int >= 0"),
    ],
)
def test_rules_that_are_refused(kind: str, change: dict[str, Any], said: str) -> None:
    keys = {"groupByKeys": ["A"]} if kind == "aggregates" else {"indexKey": "A"}
    rule = {"name": "r", **keys, "operationType": "sum", "operationKey": "v"}
    with pytest.raises(ConfigError) as refused:
        extracted(kind, rules=[rule | change])
    assert said in str(refused.value)
    assert "config.yaml:" in str(refused.value)
