"""The real API server of the tests: it stores objects, checks them, and knows its users."""

from __future__ import annotations

import pytest

from tests.real.apiserver import ApiServer
from tests.real.cluster import apply, namespace, new_namespace, service_account, token
from tests.real.kube import VERSION, Kube

NAMESPACES = "/api/v1/namespaces"


def test_it_tells_its_version(own_kube_server: Kube) -> None:
    """The server is the release that is pinned."""
    assert own_kube_server.request("GET", "/version")["gitVersion"] == f"v{VERSION}"


def test_it_refuses_a_bad_name(kube_server: ApiServer) -> None:
    """Objects are validated as in any cluster."""
    with pytest.raises(RuntimeError, match=r"422 .*a lowercase RFC 1123 label"):
        kube_server.request("POST", NAMESPACES, namespace("Not_A_Name"))


def test_a_namespace_goes_with_its_pods(kube_server: ApiServer) -> None:
    """Tests leave nothing behind on somebody else's server."""
    with new_namespace(kube_server) as name:
        pod = {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": "one", "namespace": name},
            "spec": {"nodeName": "nowhere", "containers": [{"name": "main", "image": "none"}]},
        }
        apply(kube_server, pod)
        assert kube_server.has(f"{NAMESPACES}/{name}/pods/one")
    assert not kube_server.has(f"{NAMESPACES}/{name}/pods/one")
    if kube_server.has(f"{NAMESPACES}/{name}"):  # until a controller finds it empty
        left = kube_server.request("GET", f"{NAMESPACES}/{name}")
        assert left["status"]["phase"] == "Terminating"


def test_an_account_has_only_the_rights_bound_to_it(kube_server: ApiServer, space: str) -> None:
    """RBAC is on: 403 without a right, 401 without a known token."""
    account = service_account(space, "nobody")
    apply(kube_server, account)
    with pytest.raises(RuntimeError, match=r"403 .*cannot list resource"):
        kube_server.request("GET", NAMESPACES, token=token(kube_server, account))
    with pytest.raises(RuntimeError, match=r"401 .*Unauthorized"):
        kube_server.request("GET", NAMESPACES, token="nobody")  # noqa: S106 - no secret


def test_its_administrator_has_a_certificate_too(own_kube_server: Kube) -> None:
    """The certificate logs in by itself; without it one is anonymous."""
    certified = ApiServer(own_kube_server.certified)
    assert certified.has(f"{NAMESPACES}/default")
    with pytest.raises(RuntimeError, match=r"403 .*system:anonymous"):
        ApiServer(own_kube_server.certified.by("")).request("GET", NAMESPACES)


def test_objects_outlive_a_kill_and_not_a_wipe(new_kube: Kube) -> None:
    """What the tests call kill and wipe is what happens."""
    new_kube.request("POST", NAMESPACES, namespace("kept"))
    new_kube.kill()
    new_kube.start()
    assert new_kube.has(f"{NAMESPACES}/kept")
    new_kube.wipe()
    assert not new_kube.has(f"{NAMESPACES}/kept")
