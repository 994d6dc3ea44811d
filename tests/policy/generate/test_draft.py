"""A selector as the API has it."""

from __future__ import annotations

from policy.generate.draft import plain
from policy.selectors import LabelSelector, Operator, Requirement


def test_empty_parts_of_a_selector_are_left_out() -> None:
    exists = Requirement("tier", Operator.EXISTS)
    among = Requirement("app", Operator.IN, ("a", "b"))
    assert plain(LabelSelector()) == {}
    assert plain(LabelSelector({"app": "web"})) == {"matchLabels": {"app": "web"}}
    assert plain(LabelSelector(None, (exists, among))) == {
        "matchExpressions": [
            {"key": "tier", "operator": "Exists"},
            {"key": "app", "operator": "In", "values": ["a", "b"]},
        ]
    }
