"""Hosts as users write them: names, IPv4 addresses, and IPv6 addresses in brackets."""

from __future__ import annotations

import ipaddress
import re
import socket
from urllib.parse import urlsplit

_NEVER = re.compile(r"""[\s\x00-\x1f:/\[\]"'<>,;*?#@\\^`{|}$%&=+!()~]""")
_NUMBER = re.compile(r"(^|\.)([0-9]+|0[xX][0-9a-fA-F]*)$")


def host(written: str) -> str:
    """The host, without brackets. Raises ValueError, with why no machine can have such a name.

    The parts of a name have 1 to 63 characters (RFC 1035, section 2.3.4). A name whose last part is
    a number is an IPv4 address (https://url.spec.whatwg.org/#ends-in-a-number-checker).

    >>> host("[::1]"), host("kafka-0.kafka")
    ('::1', 'kafka-0.kafka')
    """
    if written.startswith("[") and written.endswith("]"):
        return str(ipaddress.IPv6Address(written[1:-1]))
    if found := _NEVER.search(written):
        raise ValueError(f"no host has {found[0]!r} in its name")
    try:
        written.encode("idna")
    except UnicodeError as error:
        raise ValueError(f"no host has this name: {error.__cause__ or error}") from None
    if _NUMBER.search(written):
        try:
            socket.inet_aton(written)
        except OSError:
            raise ValueError(f'"{written}" is not an address') from None
    return written


def bare(name: str) -> str:
    """The same for a host that stands alone: IPv6 without brackets."""
    return host(f"[{name}]" if ":" in name else name)


def of_url(url: str) -> str:
    """The host of a URL, or of `//HOST:PORT`. Raises ValueError as `host`, and for a wrong port.

    >>> of_url("http://[::1]:3100/loki")
    '::1'
    """
    found = urlsplit(url)
    name = found.hostname or ""
    if found.port == 0:  # above 65535 it raises itself
        raise ValueError("0 is not a port to send to")
    if not name:
        raise ValueError(f'"{url}" names no host')
    return bare(name)
