"""Hosts as users write them: names, IPv4 addresses, and IPv6 addresses in brackets."""

from __future__ import annotations

import ipaddress
import re


def host(written: str) -> str:
    """The host, without brackets. Raises ValueError, with why no machine can have such a name.

    The parts of a name have 1 to 63 characters (RFC 1035, section 2.3.4).

    >>> host("[::1]"), host("kafka-0.kafka")
    ('::1', 'kafka-0.kafka')
    """
    if written.startswith("[") and written.endswith("]"):
        return str(ipaddress.IPv6Address(written[1:-1]))
    if found := re.search(r"[\s\x00-\x1f:/\[\]]", written):
        raise ValueError(f"no host has {found[0]!r} in its name")
    try:
        written.encode("idna")
    except UnicodeError as error:
        raise ValueError(f"no host has this name: {error.__cause__ or error}") from None
    return written
