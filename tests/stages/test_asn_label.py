"""Against docs/reference/transforms.md#add_asn_label."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.kube.api.access import Access
from pipeline.stage import BuildContext, Step
from pipeline.stage.address_field import AddressField
from pipeline.testing import assert_laws
from stages.asn_label import AsnLabel
from tests.stages.flows import run

FRR = """\
apiVersion: frrk8s.metallb.io/v1beta1
kind: FRRConfiguration
metadata: {name: edge, namespace: frr}
spec:
  bgp:
    routers:
    - {asn: 64512, prefixes: [10.1.0.0/16, "fd00::/8"]}
    - {asn: 64513, prefixes: [10.1.2.0/24, 8.8.8.8/32]}
"""


def stage(folder: Path, text: str = FRR) -> AsnLabel:
    (folder / "frr.yaml").write_text(text)
    return AsnLabel(name="a", inventory="frr.yaml", ends=[AddressField("A", "N")])


def step(folder: Path) -> Step:
    return stage(folder).build(BuildContext(folder=folder))


@pytest.mark.parametrize(
    ("address", "asn"),
    [
        ("10.1.2.3", "64513"),
        ("10.1.3.3", "64512"),
        ("::ffff:10.1.2.3", "64513"),
        ("fd00::1", "64512"),
        ("8.8.8.8", "64513"),
        ("8.8.8.9", None),
        ("x", None),
        (7, None),
    ],
)
def test_the_narrowest_network_wins(tmp_path: Path, address: object, asn: str | None) -> None:
    (flow,) = run(step(tmp_path), [{"A": address}])
    assert flow.get("N") == asn


def test_no_network_leaves_the_output(tmp_path: Path) -> None:
    assert run(step(tmp_path), [{"A": "1.1.1.1", "N": "kept"}, {"B": 1}]) == [
        {"A": "1.1.1.1", "N": "kept"},
        {"B": 1},
    ]


ADDRESSES = st.sampled_from(["10.1.2.3", "10.1.9.9", "9.9.9.9", "x", None])


@given(st.lists(ADDRESSES, min_size=1, max_size=9), st.integers(0, 9))
def test_laws(
    tmp_path_factory: pytest.TempPathFactory, addresses: list[str | None], cut: int
) -> None:
    made = step(tmp_path_factory.mktemp("laws"))
    assert_laws(made, [{"A": address} for address in addresses], cut)


def test_check(tmp_path: Path) -> None:
    assert list(stage(tmp_path).check(tmp_path)) == []
    (nothing,) = stage(tmp_path, "kind: Pod\nmetadata: {name: x}\n").check(tmp_path)
    assert (nothing.path, nothing.severity) == (("inventory",), "warning")
    assert nothing.message == "frr.yaml: no router advertises a network"
    (missing,) = AsnLabel(name="a", inventory="none.yaml").check(tmp_path)
    assert (missing.path, missing.severity) == (("inventory",), "error")
    for both in (
        AsnLabel(name="a"),
        AsnLabel(name="a", inventory="frr.yaml", cluster=Access(kubeconfig="frr.yaml")),
    ):
        (found,) = both.check(tmp_path)
        assert found.message == "give one of `inventory`, a file, and `cluster`"


def test_a_changed_file_is_read_again(tmp_path: Path) -> None:
    built = stage(tmp_path).build(BuildContext(folder=tmp_path))
    assert built.fingerprint is not None
    before = built.fingerprint()
    stage(tmp_path, FRR + "---\nkind: Pod\nmetadata: {name: x}\n")
    assert built.fingerprint() != before


def test_a_plan_that_is_only_looked_at_asks_no_cluster(tmp_path: Path) -> None:
    one = AsnLabel(name="a", cluster=Access(kubeconfig="none"), ends=[AddressField("A", "N")])
    built = one.build(BuildContext(folder=tmp_path))
    assert run(built, [{"A": "10.1.2.3"}]) == [{"A": "10.1.2.3"}]
