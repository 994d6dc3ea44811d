"""How the values of a field usually are on the wire."""

import pytest

from pipeline.netflow.mapping import NAMES, Kind, usual_kind


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("SrcAddr", Kind.ADDRESS),
        ("NextHop", Kind.ADDRESS),
        ("XlatSrcAddr", Kind.ADDRESS),
        ("SrcK8S_Namespace", Kind.TEXT),
        ("CustomBytes_1", Kind.TEXT),
        ("Interfaces", Kind.TEXT),
        ("Bytes", Kind.NUMBER),
        ("SrcMac", Kind.NUMBER),
        ("CustomInteger_1", Kind.NUMBER),
        ("Anything", Kind.NUMBER),
    ],
)
def test_usual_kinds(name: str, kind: Kind) -> None:
    assert usual_kind(name) is kind


def test_names_are_of_fields() -> None:
    assert {"Bytes", "SrcAddr", "SrcMac", "CustomBytes_5", "CustomInteger_5"} <= set(NAMES)
