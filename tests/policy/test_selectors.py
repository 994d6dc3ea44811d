from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policy.selectors import LabelIndex, LabelSelector, Operator, Requirement

LABELS = [{}, {"app": "web"}, {"app": "db"}, {"app": "web", "tier": "front"}, {"tier": ""}]


@pytest.mark.parametrize(
    ("one", "matching"),
    [
        (Requirement("app", Operator.IN, ("web", "x")), [1, 3]),
        (Requirement("app", Operator.NOT_IN, ("web",)), [0, 2, 4]),
        (Requirement("app", Operator.EXISTS), [1, 2, 3]),
        (Requirement("app", Operator.DOES_NOT_EXIST), [0, 4]),
    ],
)
def test_requirements(one: Requirement, matching: list[int]) -> None:
    """`NotIn` holds where the key is missing."""
    assert [number for number, labels in enumerate(LABELS) if one.holds(labels)] == matching


def test_all_requirements_hold_and_an_empty_selector_matches_everything() -> None:
    both = LabelSelector({"app": "web"}, (Requirement("tier", Operator.EXISTS),))
    assert [both.matches(labels) for labels in LABELS] == [False, False, False, True, False]
    assert all(LabelSelector().matches(labels) for labels in LABELS)


def test_a_value_may_be_empty() -> None:
    assert LabelSelector({"tier": ""}).matches({"tier": ""})
    assert not LabelSelector({"tier": ""}).matches({})


def test_selectors_that_mean_the_same_have_the_same_requirements() -> None:
    one = LabelSelector({"app": "web"}, (Requirement("tier", Operator.IN, ("b", "a")),))
    other = LabelSelector(
        None,
        (
            Requirement("tier", Operator.IN, ("a", "b", "a")),
            Requirement("app", Operator.IN, ("web",)),
        ),
    )
    assert one.requirements() == other.requirements()


KEYS = st.sampled_from(["app", "tier"])
TEXTS = st.sampled_from(["web", "db", ""])


@given(
    sets=st.lists(st.dictionaries(KEYS, TEXTS)),
    requirements=st.lists(
        st.builds(
            Requirement, KEYS, st.sampled_from(Operator), st.lists(TEXTS, max_size=2).map(tuple)
        )
    ),
)
def test_an_index_finds_what_matches(
    sets: list[dict[str, str]], requirements: list[Requirement]
) -> None:
    selector = LabelSelector(None, tuple(requirements))
    expected = {number for number, labels in enumerate(sets) if selector.matches(labels)}
    assert LabelIndex(sets).matching(selector) == expected
