"""Labels inserted into a text: whatever the style, it reads as the same with the labels added."""

from __future__ import annotations

import json

import yaml
from hypothesis import given
from hypothesis import strategies as st

from discovery.insertion import inserted
from pipeline.diagnostics import Location
from pipeline.kube.subnets import Label
from pipeline.yaml import document

NAME = st.text("abc:_-", min_size=1, max_size=5).map(lambda text: f"E{text}")
LABELS = st.lists(
    st.builds(Label, NAME, st.lists(st.sampled_from(["::1/128", "10.0.0.0/8"]), min_size=1)),
    min_size=1,
    max_size=3,
)
TEXT = st.text("a\u00e9\U0001f600:-#'\"{[,* ", max_size=9)
EXISTING = st.lists(
    st.fixed_dictionaries({"name": TEXT, "cidrs": st.lists(TEXT)}),
    max_size=3,
)


@given(EXISTING, LABELS, st.sampled_from(["block", "flow", "mixed", "json"]), st.integers(1, 8))
def test_it_reads_as_what_was_added(
    existing: list[dict[str, object]],
    labels: list[Label],
    style: str,
    indent: int,
) -> None:
    data = {"stages": [{"name": "s", "labels": existing, "match": "first"}], "z": 1}
    flow = {"block": False, "flow": True}.get(style)
    text = yaml.safe_dump(data, default_flow_style=flow, indent=max(2, indent), allow_unicode=True)
    if style == "json":
        text = json.dumps(data, indent=indent, ensure_ascii=False)
    found = document.load(text, "p")
    assert found.data == data
    path = ("stages", 0)
    after = inserted(text, found.place((*path, "labels")), found.place(path), labels)
    assert after is not None
    new = [{"name": label.name, "cidrs": label.cidrs} for label in labels]
    data["stages"] = [{"name": "s", "labels": [*existing, *new], "match": "first"}]
    assert document.load(after, "p").data == data


def test_a_place_without_a_list() -> None:
    assert inserted("stages: *x\n", Location("p", 1, 9), Location("p", 1, 1), []) is None
