"""Hosts that a machine can have, and those that it cannot."""

from __future__ import annotations

import pytest

from pipeline.flows.hosts import host, of_url


@pytest.mark.parametrize(
    ("written", "found"),
    [
        ("127.0.0.1", "127.0.0.1"),
        ("[fe80::1%eth0]", "fe80::1%eth0"),
        ("under_score.svc.", "under_score.svc."),
        ("bücher.example", "bücher.example"),
        (f"{'a' * 63}.x", f"{'a' * 63}.x"),
        ("localhost.", "localhost."),
        ("127.1", "127.1"),
        ("3com.example", "3com.example"),
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
        ("a,b", "no host has ',' in its name"),
        ("*", r"no host has '\*' in its name"),
        ("${LOKI}", r"no host has '\$' in its name"),
        ("10.0.0.300", '"10.0.0.300" is not an address'),
        ("1.2.3.4.5", '"1.2.3.4.5" is not an address'),
    ],
)
def test_what_is_no_host(written: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        host(written)


@pytest.mark.parametrize(
    ("url", "found"),
    [
        ("http://loki:3100/loki", "loki"),
        ("grpcs://[fd00::1]:9095", "fd00::1"),
        ("//collector:4317", "collector"),
        ("https://me:secret@10.0.0.1?a=b", "10.0.0.1"),
    ],
)
def test_the_host_of_a_url(url: str, found: str) -> None:
    assert of_url(url) == found


@pytest.mark.parametrize(
    "url",
    [
        *("http://..", "http://-,-", "http://a:65536", "http://a:0", "http://a:x", "http://"),
        *("http://[::1", "http://[zz]", "http://10.0.0.256:3100", "loki:3100", f"//{'a' * 64}:1"),
    ],
)
def test_a_url_without_a_host_that_can_be(url: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - each has its own words
        of_url(url)
