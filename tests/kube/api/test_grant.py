"""The commands that grant what was refused; `test_rights` runs their kind against a server."""

from __future__ import annotations

import pytest

from pipeline.kube.api.grant import commands, user_of

_READER = "--verb=get,list,watch --resource"


@pytest.mark.parametrize(
    ("message", "user"),
    [
        (
            'pods is forbidden: User "system:serviceaccount:shop:flow" cannot list resource "pods"',
            "system:serviceaccount:shop:flow",
        ),
        ('nodes is forbidden: User "jane@x" cannot list resource "nodes"', "jane@x"),
        ("Unauthorized", ""),
    ],
)
def test_the_user_that_a_refusal_names(message: str, user: str) -> None:
    assert user_of(message) == user


def test_a_service_account_gets_a_role_for_the_cluster() -> None:
    assert commands(
        "system:serviceaccount:shop:flow", [("pods", ""), ("replicasets.apps", "")]
    ) == (
        f"kubectl create clusterrole flowmatrix-reader {_READER}=pods,replicasets.apps && "
        "kubectl create clusterrolebinding flowmatrix-reader --clusterrole=flowmatrix-reader "
        "--serviceaccount=shop:flow"
    )


def test_what_is_of_one_namespace_is_granted_there() -> None:
    assert commands("jane doe", [("pods", "b"), ("pods", "b"), ("services", "b")]) == (
        f"kubectl create role flowmatrix-reader -n b {_READER}=pods,services && "
        "kubectl create rolebinding flowmatrix-reader -n b --role=flowmatrix-reader "
        "--user='jane doe'"
    )
