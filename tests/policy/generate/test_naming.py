"""Names of policies are stable and unique."""

from __future__ import annotations

from policy.generate.naming import names
from policy.parts import Reference

WEB = Reference("Deployment", "shop", "web")


def test_a_policy_has_the_name_of_its_workload() -> None:
    assert names([WEB]) == {WEB: "web"}


def test_workloads_of_one_name_are_told_apart_by_their_kind() -> None:
    other, third = WEB._replace(kind="StatefulSet"), WEB._replace(kind="Job", namespace="far")
    assert names([WEB, other, third]) == {
        WEB: "web-deployment",
        other: "web-statefulset",
        third: "web",
    }


def test_a_name_that_the_kind_does_not_tell_apart_has_a_digest() -> None:
    given = [WEB, WEB._replace(kind="Job"), WEB._replace(name="web-deployment")]
    found = names(given)
    assert len(set(found.values())) == 3
    assert found == names(given[::-1])


def test_the_name_of_the_default_deny_is_taken() -> None:
    one = WEB._replace(name="default-deny")
    assert names([one]) == {one: "default-deny-deployment"}


def test_no_name_is_longer_than_the_api_allows() -> None:
    long = [WEB._replace(name="w" * 253), WEB._replace(name="w" * 253, kind="StatefulSet")]
    found = names(long)
    assert len(set(found.values())) == 2
    assert max(map(len, found.values())) <= 253
