"""What stages say of an address to those who ask."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from pipeline.kube.api import objects
from pipeline.kube.index.index import Index
from pipeline.kube.index.owners import Climb
from pipeline.kube.knowledge import LabelKnowledge, ObjectKnowledge
from pipeline.kube.subnets import Label

WIDE, NARROW = Label("wide", ["10.0.0.0/8"]), Label("narrow", ["10.1.0.0/16"])
POD = {
    "kind": "Pod",
    "metadata": {"name": "web", "namespace": "shop"},
    "status": {"podIPs": [{"ip": "10.0.0.1"}]},
}


def test_the_object_behind_an_address() -> None:
    known = ObjectKnowledge(Index([objects.of(POD)]), Climb())
    assert dict(known.explain("10.0.0.1", None))["object"] == "Pod shop/web"
    assert dict(known.explain("10.0.0.2", None))["object"].startswith("none: ")
    assert (known.knows("10.0.0.1", None), known.knows("10.0.0.2", None)) == (True, False)
    assert known.problems() == []


@pytest.mark.parametrize(
    ("longest", "said"),
    [
        (False, "wide: 10.0.0.0/8, first in list order (label 1 of 2, listed)"),
        (True, "narrow: 10.1.0.0/16, narrowest (label 2 of 2, derived from the cluster)"),
    ],
)
def test_the_label_of_an_address_and_its_rule(*, longest: bool, said: str) -> None:
    known = LabelKnowledge([WIDE], [NARROW], longest=longest)
    assert list(known.explain("10.1.2.3", None)) == [("subnet label", said)]
    assert known.derived() == [NARROW]


def test_no_label() -> None:
    known = LabelKnowledge([WIDE], [])
    text = "none: no network of 1 labels contains the address"
    assert list(known.explain("11.0.0.1", None)) == [("subnet label", text)]
    assert (known.knows("11.0.0.1", None), known.knows("10.0.0.1", None)) == (False, True)
    assert known.problems() == []


NODE = {
    "kind": "Node",
    "metadata": {"name": "n1"},
    "status": {"addresses": [{"address": "fd00::1"}]},
}


def test_objects_are_explained_by_any_form_of_an_address() -> None:
    """Without a cluster nothing is incomplete."""
    knowledge = ObjectKnowledge(Index([objects.of(NODE)]), Climb())
    assert knowledge.problems() == []
    for form in ("fd00::1", "FD00:0::1", "fd00::1%eth0"):
        assert dict(knowledge.explain(form, None))["object"] == "Node n1"
    assert dict(knowledge.explain("10.0.0.1", None))["object"].startswith("none: ")


def test_endpoints_of_a_file_are_read_once(tmp_path: Path) -> None:
    """They are asked for again and again; the file has all objects of a cluster."""
    items = [
        {"kind": "EndpointSlice", "metadata": {"name": "web-x"}, "ports": [{"port": 80}]},
        POD,
    ]
    file = tmp_path / "kube.json"
    file.write_text(json.dumps({"kind": "List", "items": items}))
    knowledge = ObjectKnowledge(Index(), Climb(), file=file)
    (first,) = objects.unpacked(knowledge.endpoints())
    assert (first.metadata.name, bytes(first.ports)) == ("web-x", b'[{"port": 80}]')
    file.unlink()
    assert objects.unpacked(knowledge.endpoints()) == [first]
