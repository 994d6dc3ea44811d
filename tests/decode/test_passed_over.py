"""Which payloads must be read whole, for what stands in fields that are passed over."""

from __future__ import annotations

import pytest

from pipeline.decode.passed_over import suspects

MANY = [b'{"Bytes":%d,"SrcMac":"02:7e:30:1e:10:5e"}' % number for number in range(5_000)]


@pytest.mark.parametrize("place", [0, 2_500, 4_999])
@pytest.mark.parametrize(
    "payload",
    [
        *(b'{"a":"\\ud800"}', b'{"*":1}', b'{"^a$":1}', b'{"\\u001fa":1}', b'{"\\u002a":1}'),
        *(b'{"a":99e308}', b'{"a":-1.5E+0400}', b'{"a": 1e999 }', b'{"a":[0,1e400]}'),
        *(b'{"a":' + b"9" * 309 + b"}", b'{"a":-' + b"1" * 250 + b"e99}"),
        *(b'{"a":' + b"[" * 100 + b"]" * 100 + b"}", b'{"a":' * 101 + b"}" * 101),
        b'{"a":[' + b'"x", ' * 20_000 + b"[" * 99 + b"]" * 99 + b"]}",
    ],
)
def test_what_is_read_whole(place: int, payload: bytes) -> None:
    """Wherever it stands."""
    assert suspects([*MANY[:place], payload, *MANY[place:]]).tolist() == [place]


@pytest.mark.parametrize(
    "payload",
    [
        *(b"{}", b'{"a" : -1.5e3}', b'{"a":"1e999x"}', b'{"a":"2001:5e1::"}', b'{"a":1e99}'),
        *(b'{"a":"\\n\\"\\\\"}', b'{"a*":1}', b'{"a":"x^"}', '{"é":"ü"}'.encode()),
        *(b'{"a":' + b"9" * 150 + b"}", b'{"a":' + b"[" * 99 + b"]" * 99 + b"}"),
        *(b'{"a":[' + b"{}," * 90 + b"1]}", b'{"a":"\xff"}', b"", b"1", b"12e3", b"1e3"),
    ],
)
def test_what_is_not(payload: bytes) -> None:
    assert suspects([b"{}", payload, b"{}"]).tolist() == []


def test_no_payloads() -> None:
    assert suspects([]).tolist() == []
