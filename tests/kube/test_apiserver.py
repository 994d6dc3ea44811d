"""The real API server of the tests: it stores objects, checks them, and knows its users."""

from __future__ import annotations

import pytest

from tests.real.kube import VERSION, Kube


def namespace(name: str) -> dict[str, object]:
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}


def names(server: Kube) -> set[str]:
    found = server.request("GET", "/api/v1/namespaces")["items"]
    return {item["metadata"]["name"] for item in found}


def test_it_tells_its_version(kube_server: Kube) -> None:
    assert kube_server.request("GET", "/version")["gitVersion"] == f"v{VERSION}"


def test_it_stores_a_namespace_and_refuses_a_bad_one(kube_server: Kube) -> None:
    kube_server.request("POST", "/api/v1/namespaces", namespace("netobserv"))
    assert "netobserv" in names(kube_server)
    with pytest.raises(RuntimeError, match=r"422 .*a lowercase RFC 1123 label"):
        kube_server.request("POST", "/api/v1/namespaces", namespace("Not_A_Name"))


def test_a_user_has_only_the_rights_bound_to_it(kube_server: Kube) -> None:
    with pytest.raises(RuntimeError, match=r"403 .*cannot list resource"):
        kube_server.request("GET", "/api/v1/namespaces", token=kube_server.user_token)
    with pytest.raises(RuntimeError, match=r"401 .*Unauthorized"):
        kube_server.request("GET", "/api/v1/namespaces", token="nobody")  # noqa: S106 - no secret


def test_objects_outlive_a_kill_and_not_a_wipe(new_kube: Kube) -> None:
    new_kube.request("POST", "/api/v1/namespaces", namespace("kept"))
    new_kube.kill()
    new_kube.start()
    assert "kept" in names(new_kube)
    new_kube.wipe()
    assert "kept" not in names(new_kube)
