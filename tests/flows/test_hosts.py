"""Hosts that a machine can have, and those that it cannot."""

from __future__ import annotations

import pytest

from pipeline.flows.hosts import host


@pytest.mark.parametrize(
    ("written", "found"),
    [
        ("127.0.0.1", "127.0.0.1"),
        ("[fe80::1%eth0]", "fe80::1%eth0"),
        ("under_score.svc.", "under_score.svc."),
        ("bücher.example", "bücher.example"),
        (f"{'a' * 63}.x", f"{'a' * 63}.x"),
    ],
)
def test_a_host(written: str, found: str) -> None:
    assert host(written) == found


@pytest.mark.parametrize(
    ("written", "why"),
    [
        ("..", "no host has this name: label empty or too long"),
        (f"{'a' * 64}.x", "no host has this name: label empty or too long"),
        ("\udc80", "no host has this name"),
        ("a b", "no host has ' ' in its name"),
        ("a\0b", r"no host has '\\x00' in its name"),
        ("::1", "no host has ':' in its name"),
        ("[zz]", "'zz'"),
        ("[", r"no host has '\[' in its name"),
    ],
)
def test_what_is_no_host(written: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        host(written)
