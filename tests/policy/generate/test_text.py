"""YAML in which every text stays a text."""

from __future__ import annotations

from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from pipeline.yaml import kubernetes
from policy.generate.text import dump

AMBIGUOUS = (
    *("n", "y", "N", "Y", "no", "yes", "on", "off", "true", "null", "~", "", "1e3", "0o7", "0x1F"),
    *("1_000", "0b1", "010", "1.5", ".inf", "2026-11-28", "=", "<<", "1:30", "-", "+1", "#", "é"),
)


def read(text: str) -> list[Any]:
    """The documents as Kubernetes reads them."""
    return [document.data for document in kubernetes.documents(text, "policies.yaml")]


@pytest.mark.parametrize("text", AMBIGUOUS)
def test_texts_stay_texts(text: str) -> None:
    """As values, as keys and in lists, to Kubernetes and to YAML 1.1."""
    one = {"metadata": {"labels": {"app": text, text or "x": "y"}}, "spec": [text]}
    assert read(dump([one])) == [one]
    assert yaml.safe_load(dump([one])) == one


@given(st.dictionaries(st.text(min_size=1), st.text(), max_size=3))
def test_any_text_comes_back(labels: dict[str, str]) -> None:
    printable = {k: v for k, v in labels.items() if (k + v).isprintable()}
    one = {"labels": printable}
    assert yaml.safe_load(dump([one])) == one


def test_objects_stand_apart_and_lines_of_a_text_below_each_other() -> None:
    objects: list[dict[str, Any]] = [{"note": "one\ntwo", "port": 80}, {"list": [{"n": "y"}]}]
    assert dump(objects) == ('---\nnote: |-\n  one\n  two\nport: 80\n---\nlist:\n- "n": "y"\n')
