"""Addresses that no one owns on the Internet, as the standard library knows them.

Source: the IANA registries of special-purpose addresses, in the module ipaddress; RFC 6052.
"""

from __future__ import annotations

import ipaddress

from pipeline.flows.cidr import Address

_NAT64 = ipaddress.ip_network("64:ff9b::/96")
_ANSWERS = (
    ("multicast", "is_multicast"),
    ("loopback", "is_loopback"),
    ("link_local", "is_link_local"),
    ("unspecified", "is_unspecified"),
    ("reserved", "is_reserved"),
    ("private", "is_private"),
)
MEANINGS = {
    "multicast": "a group of receivers",
    "loopback": "the host itself",
    "link_local": "reached without a router; clouds serve instance metadata there",
    "unspecified": "no address",
    "private": "a private network, or another special purpose",
    "reserved": "not assigned",
    "nat64": "an IPv4 address behind NAT64",
    "shared": "shared by a provider and its customers (carrier-grade NAT)",
}


def purpose(place: Address) -> str:
    """The special purpose of an address, a key of MEANINGS; "" for one of the Internet.

    >>> import ipaddress
    >>> [purpose(ipaddress.ip_address(text)) for text in ("10.1.2.3", "100.64.0.1", "8.8.8.8")]
    ['private', 'shared', '']
    """
    if place in _NAT64:
        return "nat64"
    for name, answer in _ANSWERS:
        if getattr(place, answer):
            return name
    return "" if place.is_global else "shared"
