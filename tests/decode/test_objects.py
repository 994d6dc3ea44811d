"""One JSON payload to a flow (docs/reference/decoding.md#json)."""

from __future__ import annotations

import pytest

from pipeline.decode.objects import parse, reserved


@pytest.mark.parametrize(
    ("payload", "flow"),
    [
        (b"{}", {}),
        (b"null", {}),
        (b' {"a":1,"b":null} \n', {"a": 1, "b": None}),
        (b'{"a":1,"a":2}', {"a": 2}),
        (b'{"a":{"b":[null,1.5]}}', {"a": {"b": [None, 1.5]}}),
        (b'{"":true}', {"": True}),
    ],
)
def test_objects(payload: bytes, flow: dict[str, object]) -> None:
    """Nulls are kept here, at the top too; of duplicate keys the last one holds."""
    assert parse(payload) == flow


@pytest.mark.parametrize(
    "payload",
    [
        *(b"", b" ", b"[]", b"1", b'"a"', b"true", b"{", b"{}{}", b'{"a":NaN}', b'{"a":1e309}'),
        b'{"a":' + b"9" * 400 + b"}",
        b'{"a":' + b"[" * 101 + b"]" * 101 + b"}",
        b"[" * 1_000_000,
    ],
)
def test_what_is_not_a_flow_has_a_reason(payload: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        parse(payload)


@pytest.mark.parametrize("extra", [0, 1])
def test_a_payload_may_be_as_long_as_the_limit(extra: int) -> None:
    payload = b'{"a":"' + b"x" * 50 + b'"}'
    limit = len(payload) - extra
    if extra:
        with pytest.raises(ValueError, match=f"more than the {limit}"):
            parse(payload, limit)
    else:
        assert parse(payload, limit) == {"a": "x" * 50}


def test_the_deepest_nesting_that_is_read() -> None:
    """The object itself counts as well, brackets inside a text do not."""
    inner: object = parse(b'{"a":' + b"[" * 98 + b"]" * 98 + b"}")["a"]
    depth = 0
    while isinstance(inner, list):
        inner, depth = (inner or [None])[0], depth + 1
    assert depth == 98
    assert parse(b'{"a":"' + b"[" * 200 + b'"}') == {"a": "[" * 200}


@pytest.mark.parametrize(
    ("payload", "flow"),
    [
        (b'{"a":"\xff\xfe"}', {"a": "\ufffd\ufffd"}),
        (b'{"a":"\\ud800x"}', {"a": "\ufffdx"}),
        (b'{"\\udfff":["\\ud800"]}', {"\ufffd": ["\ufffd"]}),
        (b'{"a":"\\ud83d\\ude00"}', {"a": "\U0001f600"}),
        ('{"a":"é"}'.encode(), {"a": "é"}),
    ],
)
def test_text_that_is_not_unicode_is_replaced(payload: bytes, flow: dict[str, object]) -> None:
    assert parse(payload) == flow


def test_a_number_of_many_digits_is_a_double_while_it_fits_one() -> None:
    digits = b"1" + b"0" * 308
    assert parse(b'{"a":' + digits + b"}") == {"a": 1e308}
    assert parse(b'{"a":"' + digits + b'0"}') == {"a": digits.decode() + "0"}


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("*", True),
        ("**", False),
        ("^a$", True),
        ("^a", False),
        ("a$", False),
        ("\x1fBytes", True),
        ("\x1eBytes", True),
        ("a\x1f", False),
        ("^a\nb$", True),
        ("", False),
        ("SrcAddr", False),
    ],
)
def test_names_that_mean_something_to_a_frame_are_reserved(name: str, *, expected: bool) -> None:
    assert reserved(name) is expected
