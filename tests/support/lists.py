"""Ranges as their provider publishes them."""

from __future__ import annotations

import json

from simulate.reference import S3

_SINCE = ("1.178.90.0/24", "3.2.84.0/24", "3.2.111.0/24")
_SERVICES = {
    "AMAZON": ("3.5.204.0/22", "3.5.224.0/22", "16.12.18.0/23", "13.36.0.0/14"),
    "EC2": ("3.5.204.0/22", "3.5.224.0/22", "13.36.0.0/14"),
    "S3": (*S3[1], *_SINCE),
}
S3_TODAY = json.dumps(
    {
        "syncToken": "1793000000",
        "createDate": "2026-10-26-00-00-00",
        "prefixes": [
            {"ip_prefix": cidr, "region": "eu-west-3", "service": service}
            for service, cidrs in _SERVICES.items()
            for cidr in cidrs
        ],
        "ipv6_prefixes": [
            {"ipv6_prefix": "2a05:d050:2000::/40", "region": "eu-west-3", "service": "S3"}
        ],
    }
)
"""An ip-ranges.json: three services in a region, S3 with what came since the post about it."""
