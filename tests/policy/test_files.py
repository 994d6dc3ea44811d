from __future__ import annotations

import json
from pathlib import Path

import pytest

from pipeline.diagnostics import ConfigError
from policy.files import in_force, load
from tests.support.policies import netpol

ONE = "{apiVersion: networking.k8s.io/v1, kind: NetworkPolicy, metadata: {name: NAME}, spec: {}}\n"


def refused(folder: Path, *patterns: str) -> list[str]:
    with pytest.raises(ConfigError) as error:
        load(patterns, folder)
    return [str(problem).replace(f"{folder}/", "") for problem in error.value.problems]


def test_documents_lists_json_and_folders(tmp_path: Path) -> None:
    items = [netpol("shop/c", ""), netpol("shop/d", "")]
    (tmp_path / "1.yaml").write_text("---\n" + ONE.replace("NAME", "a") + "---\n---\n" + ONE)
    (tmp_path / "2.json").write_text(
        json.dumps({"kind": "NetworkPolicyList", "apiVersion": "v1", "items": items})
    )
    (tmp_path / "3.yml").write_text(f"kind: List\nitems:\n- {json.dumps(netpol('shop/e', ''))}\n")
    (tmp_path / "notes.txt").write_text("no policy")
    (tmp_path / "1.yaml").write_text((tmp_path / "1.yaml").read_text().replace("NAME", "b"))
    found = load(["."], tmp_path, namespace="mon").policies
    assert [str(one) for one in found] == ["mon/a", "mon/b", "shop/c", "shop/d", "shop/e"]
    assert found[1].place.line == 5


def test_places_of_problems(tmp_path: Path) -> None:
    text = "kind: List\nitems:\n- apiVersion: networking.k8s.io/v1\n  kind: NetworkPolicy\n"
    text += "  metadata: {name: a}\n  spec:\n    podSelectr: {}\n"
    (tmp_path / "a.yaml").write_text(text)
    assert refused(tmp_path, "a.yaml") == [
        'a.yaml:7:5: error: field spec.podSelectr: unknown field; did you mean "podSelector"?'
    ]


def test_a_text_that_kubernetes_takes_for_something_else(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(
        ONE.replace("spec: {}", "spec: {podSelector: {matchLabels: {app: n}}}")
    )
    (message,) = refused(tmp_path, "a.yaml")
    assert "spec.podSelector.matchLabels.app: expected text, got" in message


def test_files_without_a_policy(tmp_path: Path) -> None:
    (tmp_path / "other.yaml").write_text("kind: Service\n")
    (tmp_path / "near.yaml").write_text("kind: NetworkPolcy\n")
    (tmp_path / "empty.yaml").write_text("")
    (tmp_path / "text.yaml").write_text("text")
    assert refused(tmp_path, "other.yaml")[-1] == (
        "other.yaml: error: no NetworkPolicy in this file"
    )
    assert refused(tmp_path, "near.yaml") == [
        'near.yaml:1:1: error: unknown kind "NetworkPolcy"; did you mean "NetworkPolicy"?'
    ]
    assert refused(tmp_path, "empty.yaml") == ["empty.yaml: error: no NetworkPolicy in this file"]
    assert refused(tmp_path, "text.yaml") == [
        "text.yaml:1:1: error: an object without kind is not a NetworkPolicy"
    ]
    assert refused(tmp_path, "mising.yaml")[0].startswith(
        'mising.yaml: error: field [0]: there is no file or folder "mising.yaml"'
    )


def test_objects_of_other_kinds_beside_policies_are_warnings(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(ONE.replace("NAME", "a") + "---\nkind: Service\n")
    found = load(["a.yaml"], tmp_path)
    assert [str(one) for one in found.policies] == ["default/a"]
    assert [one.problem.message for one in found.warnings] == [
        'a "Service" is not a NetworkPolicy, it is ignored'
    ]


def test_policies_of_other_kinds_beside_ours_are_warnings(tmp_path: Path) -> None:
    """However near their names are: they are right as they are."""
    cilium = "---\nkind: CiliumNetworkPolicy\napiVersion: cilium.io/v2\n"
    (tmp_path / "a.yaml").write_text(ONE.replace("NAME", "a") + cilium)
    found = load(["a.yaml"], tmp_path)
    assert [one.problem.message for one in found.warnings] == [
        'a "CiliumNetworkPolicy" is not a NetworkPolicy, it is ignored'
    ]


def test_staged_policies_are_read_as_what_they_would_be(tmp_path: Path) -> None:
    staged = ONE.replace("NAME", "a").replace("NetworkPolicy", "StagedKubernetesNetworkPolicy")
    staged = staged.replace("networking.k8s.io/v1", "projectcalico.org/v3")
    staged = staged.replace("spec: {}", "spec: {stagedAction: Set, policyTypes: [Egress]}")
    (tmp_path / "a.yaml").write_text(staged)
    (found,) = load(["a.yaml"], tmp_path).policies
    assert (str(found), {one.value for one in found.directions}) == ("default/a", {"Egress"})


def test_a_policy_is_given_once(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(ONE.replace("NAME", "a"))
    (tmp_path / "b.yaml").write_text("---\n" + ONE.replace("NAME", "a"))
    assert refused(tmp_path, "*.yaml") == [
        "b.yaml:2:1: error: NetworkPolicy default/a is given twice, first at a.yaml:1:1"
    ]


def test_policies_in_force() -> None:
    """A cluster prints the items of a list without apiVersion."""
    one = netpol("shop/a", "")
    del one["apiVersion"]
    assert [str(found) for found in in_force([one])] == ["shop/a"]
    with pytest.raises(ConfigError, match=r"NetworkPolicy shop/b: error: field spec\.x"):
        in_force([netpol("shop/b", "x: 1")])


def test_thousands_of_rules_and_names_that_are_no_names(tmp_path: Path) -> None:
    """Each is told at its place; what moves a cursor or turns the direction is not printed."""
    peers = "[{podSelector: {matchLabels: {app: web}}}]"
    rules = "".join(f"  - {{from: {peers}, ports: [{{port: {n}}}]}}\n" for n in range(1, 5001))
    text = ONE.replace("spec: {}}\n", "").replace(", metadata: {name: NAME}, ", "")
    many = f"{text[1:]}\nmetadata: {{name: many}}\nspec:\n  ingress:\n{rules}"
    (tmp_path / "many.yaml").write_text(many.replace(", ", "\n", 1), encoding="utf-8")
    (policy,) = load(["many.yaml"], tmp_path).policies
    assert len(policy.rules) == 5000
    for name in ("ä", "\u202eevil", "a\x00", "web\n", "名"):
        (tmp_path / "names.json").write_text(json.dumps(netpol(f"shop/{name}", "")))
        (told,) = refused(tmp_path, "names.json")
        assert told.startswith("names.json:1:")
        assert told.endswith("is not a valid name")


@pytest.mark.parametrize("kind", ["[]", "{a: b}", "[[1]]", "1"])
def test_a_kind_that_is_not_a_text_is_a_problem(tmp_path: Path, kind: str) -> None:
    (tmp_path / "p.yaml").write_text(f"kind: {kind}\nmetadata: {{name: a}}\n")
    with pytest.raises(ConfigError, match=r"p\.yaml"):
        load(["p.yaml"], tmp_path)
