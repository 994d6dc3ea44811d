"""Templates from the bytes of their sets."""

import struct

import pytest

from pipeline.netflow.template import (
    V5,
    VARIABLE,
    Field,
    Template,
    key_of,
    lengths,
    of_key,
    options_templates,
    templates,
)
from tests.support import netflow


def test_templates_of_a_set() -> None:
    """Two templates one behind the other, one with a field of an enterprise, and padding."""
    body = netflow.template(256, [(8, 4), (12, 4)]) + netflow.template(257, [(7733, VARIABLE, 29)])
    found, wrong = templates(10, body + bytes(3))
    assert wrong == ""
    assert found == [
        (256, Template(10, (Field(8, 4), Field(12, 4)))),
        (257, Template(10, (Field(7733, VARIABLE, 29),))),
    ]


def test_a_field_without_a_length_is_left_out() -> None:
    [(_, found)], _ = templates(10, netflow.template(256, [(8, 4), (210, 0)]))
    assert found == Template(10, (Field(8, 4),))


def test_v9_has_no_enterprises_and_no_variable_lengths() -> None:
    [(_, found)], _ = templates(9, netflow.template(256, [(0x8001, 4), (82, 0xFFFF)]))
    assert found == Template(9, (Field(0x8001, 4), Field(82, 0xFFFE)))


@pytest.mark.parametrize("version", [9, 10])
def test_options_templates_have_a_scope(version: int) -> None:
    body = netflow.options(512, 1, [(1, 4), (34, 4), (35, 1)], version)
    assert options_templates(version, body) == (
        [(512, Template(version, (Field(1, 4), Field(34, 4), Field(35, 1)), scopes=1))],
        "",
    )


def test_a_template_without_fields_is_withdrawn() -> None:
    assert templates(10, struct.pack(">HH", 256, 0)) == ([(256, None)], "")


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (netflow.template(256)[:-3], "a set ends inside a template"),
        (netflow.template(256, [(1, 4, 29)])[:-2], "a set ends inside a template"),
        (netflow.template(255), "a template has the number 255, which is below 256"),
        (netflow.template(256, [(1, 0)]), "a template has no field with a length"),
        (struct.pack(">HH", 256, 513), "a template of 513 fields; 512 are the limit"),
    ],
)
def test_what_is_wrong_is_said_and_what_was_whole_is_known(body: bytes, reason: str) -> None:
    found, wrong = templates(10, netflow.template(300) + body)
    assert [number for number, _ in found] == [300]
    assert wrong == reason


def test_options_with_more_scopes_than_fields() -> None:
    body = struct.pack(">HHH", 256, 1, 2)
    assert options_templates(10, body) == ([], "a template of 1 fields has 2 for its scope")


def test_a_key_is_a_template_again() -> None:
    made = Template(10, (Field(8, 4), Field(7733, VARIABLE, 29)))
    assert of_key(made.key) == made
    assert key_of(made.key + b"what follows") == made.key
    assert (V5.size, V5.fixed, made.size, made.fixed) == (48, True, 5, False)


@pytest.mark.parametrize("key", [b"", b"\0", b"\0\4\n\0x", b"\0\4\n\0", b"\0\x0d\n\0" + bytes(8)])
def test_other_bytes_are_not_a_key(key: bytes) -> None:
    with pytest.raises(ValueError, match="not a template"):
        of_key(key)


def test_the_length_of_a_record_with_variable_fields() -> None:
    made = Template(10, (Field(7, 2), Field(82, VARIABLE), Field(83, VARIABLE)))
    record = b"\0\x50\3eth" + b"\xff\1\4" + bytes(260)
    assert lengths(made, b"x" + record, 1) == len(record)
    assert [lengths(made, record[:end], 0) for end in (0, 1, 2, 5, 6, 7, 8, 200)] == [None] * 8
