"""Who owns what: the controller, at every step."""

from __future__ import annotations

from typing import Any

import pytest

from pipeline.kube.api import objects
from pipeline.kube.api.objects import Owner
from pipeline.kube.index.index import Index
from pipeline.kube.index.owners import Climb, controller, parent


def pod(references: list[dict[str, Any]]) -> dict[str, Any]:
    metadata = {"name": "p", "namespace": "shop", "ownerReferences": references}
    return {"kind": "Pod", "metadata": metadata, "status": {"podIPs": [{"ip": "10.1.1.1"}]}}


def reference(kind: str, name: str, controller: object) -> dict[str, Any]:
    told = {} if controller is None else {"controller": controller}
    return {"apiVersion": "v1", "kind": kind, "name": name, "uid": "u", **told}


@pytest.mark.parametrize(
    ("references", "owner"),
    [
        ([("CSV", "gc", False), ("ReplicaSet", "rs", True)], "ReplicaSet/rs"),
        ([("CSV", "gc", None), ("ReplicaSet", "rs", True)], "ReplicaSet/rs"),
        ([("ReplicaSet", "rs", True), ("CSV", "gc", False)], "ReplicaSet/rs"),
        ([("CSV", "gc", False), ("Job", "job", None)], "Job/job"),
        ([("CSV", "a", None), ("CSV", "b", None)], "CSV/a"),
        ([("CSV", "gc", False)], "Pod/p"),
        ([], "Pod/p"),
    ],
)
def test_the_owner_is_the_controller(references: list[tuple[str, str, Any]], owner: str) -> None:
    """References that leave `controller` out are taken in order, as no better is known."""
    owned = pod([reference(*r) for r in references])
    found = Index([objects.of(owned)]).lookup("10.1.1.1", Climb())
    assert found
    assert f"{found.owner.kind}/{found.owner.name}" == owner


def test_every_step_of_a_climb_follows_the_controller() -> None:
    """A reference without control comes first at every step, and is passed over."""

    def owned(kind: str, name: str, by: tuple[str, str]) -> dict[str, Any]:
        references = [reference("Backup", "nightly", controller=False), reference(*by, True)]
        metadata = {"name": name, "namespace": "shop", "ownerReferences": references}
        return {"kind": kind, "metadata": metadata}

    chain = [
        {**pod([]), **owned("Pod", "p", ("ReplicaSet", "rs"))},
        owned("ReplicaSet", "rs", ("Deployment", "web")),
        owned("Deployment", "web", ("Gateway", "gw")),
    ]
    climb = Climb(frozenset({"ReplicaSet", "Deployment", "Gateway"}))
    found = Index(map(objects.of, chain)).lookup("10.1.1.1", climb)
    assert found
    assert (found.owner.kind, found.owner.name) == ("Gateway", "gw")


@pytest.mark.parametrize(
    ("kind", "climbed"),
    [("ReplicaSet", True), ("Deployment", True), ("Job", True), ("StatefulSet", False)],
)
def test_only_some_kinds_are_climbed_over(kind: str, *, climbed: bool) -> None:
    """The owner of any object is known; only those that give way to it have a parent."""
    references = [reference("Operator", "op", controller=True)]
    one = objects.of({"kind": kind, "metadata": {"name": "x", "ownerReferences": references}})
    assert controller(one) == Owner("Operator", "op")
    assert parent(one) == (Owner("Operator", "op") if climbed else None)
