"""ingest.ipfix and its alias, translated."""

from __future__ import annotations

from typing import Any

import pytest

from tests.config.flp.given import refused, translated


def source(ingest: str) -> dict[str, Any]:
    translation = translated(
        f"pipeline: [{{name: w, follows: in}}]\n"
        f"parameters: [{{name: w, write: {{type: none}}}}, {{name: in, ingest: {{{ingest}}}}}]\n"
    )
    assert translation.problems == []
    return translation.stages[1]


@pytest.mark.parametrize(
    ("block", "listen"),
    [
        ("", ["0.0.0.0:2055"]),
        ("port: 4739", ["0.0.0.0:4739"]),
        ("portLegacy: 2056", ["0.0.0.0:2056"]),
        ("hostName: 127.0.0.1, port: 4739, portLegacy: 2056", ["127.0.0.1:4739", "127.0.0.1:2056"]),
        ("hostName: '::1', port: 4739", ["[::1]:4739"]),
    ],
)
@pytest.mark.parametrize("kind", ["ipfix", "collector"])
def test_where_it_listens(kind: str, block: str, listen: list[str]) -> None:
    found = source(f"type: {kind}, {kind}: {{{block}}}")
    assert found == {"name": "in", "type": "ingest_ipfix", "listen": listen}


def test_both_types_take_either_block() -> None:
    found = source("type: ipfix, collector: {port: 1}")
    assert found["listen"] == ["0.0.0.0:1"]
    assert source("type: collector, ipfix: {port: 2}, collector: {port: 1}")["listen"] == [
        "0.0.0.0:2"
    ]


def test_everything() -> None:
    assert source("""type: ipfix, ipfix: {port: 4739, workers: 4, sockets: 2, mapping: [
        {penprovided: true, field: 7733, pen: 2, destination: CustomBytes_1},
        {field: 34, pen: 9, destination: CustomInteger_1, endianness: little}]}""") == {
        "name": "in",
        "type": "ingest_ipfix",
        "listen": ["0.0.0.0:4739"],
        "sockets": 2,
        "mapping": [
            {"element": 7733, "field": "CustomBytes_1", "enterprise": 2},
            {"element": 34, "field": "CustomInteger_1", "little_endian": True},
        ],
    }


def test_a_destination_that_is_not_a_field_is_passed_over_with_a_warning() -> None:
    translation = translated(
        "pipeline: [{name: w, follows: in}]\n"
        "parameters: [{name: w, write: {type: none}}, {name: in, ingest: {type: ipfix, ipfix: "
        "{mapping: [{field: 1, destination: Byte}, {field: 1, destination: Bytes}]}}}]\n"
    )
    [problem] = translation.problems
    assert problem.path == ("parameters", 1, "ingest", "ipfix", "mapping", 0, "destination")
    assert "has no effect" in problem.message
    assert "Bytes" in problem.hint
    assert translation.stages[1]["mapping"] == [{"element": 1, "field": "Bytes"}]


def test_a_port_beyond_65535_is_refused() -> None:
    assert refused("ingest: {type: ipfix, ipfix: {portLegacy: 65536}}")[0] == (
        "65536 is not a port",
        "",
    )
