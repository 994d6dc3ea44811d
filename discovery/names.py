"""Names of proposals: what NetObserv takes for the name of a subnet label.

Source: docs/reference/kubernetes.md#subnet-labels.
"""

from __future__ import annotations

import re

from pipeline.flows.cidr import Network

EXTERNAL = "EXT:"
"""What names of external networks begin with, so that quick filters and samples know them."""
RULE = "letters, digits, _ : and -, not starting with a digit, at most 253"
_VALID = re.compile(r"[a-zA-Z_:-][a-zA-Z0-9_:-]*")
_LONGEST = 253
_OTHER = re.compile(r"[^a-zA-Z0-9_:-]+")


def is_valid(text: str) -> bool:
    """Whether a label may be called so (RULE); the length is that of names of Kubernetes.

    >>> is_valid("EXT:S3"), is_valid("1st"), is_valid("a" * 254)
    (True, False, False)
    """
    return len(text) <= _LONGEST and bool(_VALID.fullmatch(text))


def name(*parts: str, prefix: str = EXTERNAL) -> str:
    """A valid name of the parts that are not empty.

    >>> name("AWS", "S3", "eu-west-3"), name("GCP", "", "us east1"), name("10", prefix="")
    ('EXT:AWS_S3_eu-west-3', 'EXT:GCP_us_east1', '_10')
    """
    text = prefix + _OTHER.sub("_", "_".join(filter(None, parts)))
    return (text if _VALID.fullmatch(text) else f"_{text}")[:_LONGEST]


def of_network(net: Network, purpose: str = "", prefix: str = EXTERNAL) -> str:
    """The name of a network that no list has.

    >>> import ipaddress
    >>> of_network(ipaddress.ip_network("192.0.2.7/32")), of_network(ipaddress.ip_network("::1"))
    ('EXT:ip_192_0_2_7', 'EXT:ip_::1')
    >>> of_network(ipaddress.ip_network("10.1.2.0/30"), "private")
    'EXT:private_10_1_2_0_30'
    """
    single = net.num_addresses == 1
    text = str(net.network_address if single else net)
    return name(purpose or ("ip" if single else "net"), text, prefix=prefix)
