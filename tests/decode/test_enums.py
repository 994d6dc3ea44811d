"""Names of codes against the tables of docs/reference/decoding.md#codes."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from pipeline.decode import enums

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "decoding.md"
NAMED = {
    "DnsFlagsResponseCode": (enums.rcode, ""),
    "PktDropLatestState": (enums.tcp_state, "TCP_"),
    "TLSGroup": (enums.tls_group, ""),
    "QuicVersion": (enums.quic_version, ""),
}
"""Fields whose codes are listed as `<number> <name>, ...`, and what stands before each name."""


def row(field: str) -> str:
    """The codes of a field as the table of the reference has them."""
    section = PAGE.read_text().split("\n### Codes\n")[1]
    (found,) = re.findall(rf"^\| {field} \| (.*) \|$", section, re.MULTILINE)
    return str(found)


def codes(field: str) -> list[tuple[int, str]]:
    known = re.split(r"[,;] else ", row(field))[0]
    return [
        (int(code), name)
        for code, name in re.findall(r"(?:^|, |and )(\d+) ([\w. ]+?)(?=,|$)", known)
    ]


@pytest.mark.parametrize(
    ("field", "count"),
    [
        ("DnsFlagsResponseCode", 11),
        ("PktDropLatestState", 11),
        ("TLSGroup", 7),
        ("QuicVersion", 2),
    ],
)
def test_listed_codes_have_their_names(field: str, count: int) -> None:
    function, prefix = NAMED[field]
    listed = codes(field)
    assert len(listed) == count
    assert [function(code) for code, _ in listed] == [prefix + name for _, name in listed]


@pytest.mark.parametrize(
    ("function", "code", "name"),
    [
        (enums.rcode, 11, "UnDefined"),
        (enums.tcp_state, 0, "TCP_INVALID_STATE"),
        (enums.tcp_state, 12, "TCP_INVALID_STATE"),
        (enums.tls_version, 0x0300, "SSLv3"),
        (enums.tls_version, 0x0301, "TLS 1.0"),
        (enums.tls_version, 0x0304, "TLS 1.3"),
        (enums.tls_version, 0x0305, "0x0305"),
        (enums.tls_version, 0xFEFD, "0xFEFD"),
        (enums.tls_version, 0x1, "0x0001"),
        (enums.tls_cipher_suite, 0x1301, "TLS_AES_128_GCM_SHA256"),
        (enums.tls_cipher_suite, 0xC02F, "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256"),
        (enums.tls_cipher_suite, 0x0A0A, "0x0A0A"),
        (enums.tls_group, 24, "CurveP384"),
        (enums.tls_group, 28, "CurveID(28)"),
        (enums.quic_version, 2, "QUIC Unknown (2)"),
    ],
)
def test_codes_at_the_edge_and_unknown_ones(
    function: Callable[[int], str], code: int, name: str
) -> None:
    assert function(code) == name


@pytest.mark.parametrize(
    ("first", "count", "prefix", "names"),
    [
        (2, 79, "SKB_DROP_REASON_", ("NOT_SPECIFIED", "TC_RECLASSIFY_LOOP")),
        ((3 << 16) + 1, 11, "OVS_DROP_", ("LAST_ACTION", "IP_TTL")),
        (1 << 24, 10, "NetworkEvent_", ("Unknown", "UDNIsolation")),
    ],
)
def test_drop_causes_of_kernel_switch_and_policies(
    first: int, count: int, prefix: str, names: tuple[str, str]
) -> None:
    """Each range has its prefix from its first code to its last, and no code beside it."""
    found = [enums.drop_cause(code) for code in range(first - 1, first + count + 1)]
    assert (found[0], found[-1]) == ("SKB_DROP_UNKNOWN_CAUSE",) * 2
    assert (found[1], found[-2]) == (prefix + names[0], prefix + names[1])
    assert all(name.startswith(prefix) for name in found[1:-1])
    assert len(set(found[1:-1])) == count


def test_tls_types_are_the_bits_of_the_reference() -> None:
    assert list(enums.TLS_TYPES.items()) == [
        (int(bit), name) for bit, name in re.findall(r"(\d+) (\w+)", row("TLSTypes"))
    ]
    assert sum(enums.TLS_TYPES) == 63
