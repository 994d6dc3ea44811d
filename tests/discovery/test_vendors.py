"""The files of providers, each in the shape in which it is published."""

from __future__ import annotations

import json
from typing import Any

import pytest

from discovery.vendors import Listing, Range, listing
from pipeline.diagnostics import ConfigError

AWS = {
    "syncToken": "1764288000",
    "createDate": "2025-11-28-00-00-00",
    "prefixes": [
        {
            "ip_prefix": "3.5.204.0/22",
            "region": "eu-west-3",
            "service": "S3",
            "network_border_group": "eu-west-3",
        }
    ],
    "ipv6_prefixes": [
        {
            "ipv6_prefix": "2600:1ffa:8000::/40",
            "region": "eu-west-3",
            "service": "S3",
            "network_border_group": "eu-west-3",
        }
    ],
}
AZURE = {
    "changeNumber": 361,
    "cloud": "Public",
    "values": [
        {
            "name": "Storage.WestEurope",
            "id": "Storage.WestEurope",
            "properties": {
                "changeNumber": 150,
                "region": "westeurope",
                "regionId": 18,
                "platform": "Azure",
                "systemService": "AzureStorage",
                "addressPrefixes": ["20.38.108.0/23", "2603:1020:206:4::/64"],
                "networkFeatures": ["API", "NSG", "UDR", "FW"],
            },
        },
        {
            "name": "AzureFrontDoor.Frontend",
            "id": "AzureFrontDoor.Frontend",
            "properties": {
                "changeNumber": 29,
                "region": "",
                "regionId": 0,
                "platform": "Azure",
                "systemService": "AzureFrontDoor",
                "addressPrefixes": ["13.107.208.0/24"],
            },
        },
    ],
}
CLOUD = {
    "syncToken": "1764288000000",
    "creationTime": "2025-11-27T16:00:00.000000",
    "prefixes": [
        {"ipv4Prefix": "34.1.208.0/20", "service": "Google Cloud", "scope": "africa-south1"},
        {"ipv6Prefix": "2600:1900:8000::/44", "service": "Google Cloud", "scope": "africa-south1"},
    ],
}
GOOG = {
    "syncToken": "1764288000000",
    "creationTime": "2025-11-27T16:00:00.000000",
    "prefixes": [{"ipv4Prefix": "8.8.8.0/24"}, {"ipv6Prefix": "2001:4860::/32"}],
}
ORACLE = {
    "last_updated_timestamp": "2025-11-20T10:11:12.123456",
    "regions": [
        {
            "region": "us-phoenix-1",
            "cidrs": [
                {"cidr": "129.146.0.0/21", "tags": ["OCI"]},
                {"cidr": "134.70.8.0/21", "tags": ["OSN", "OBJECT_STORAGE"]},
            ],
        }
    ],
}
CLOUDFLARE = {
    "result": {
        "ipv4_cidrs": ["173.245.48.0/20"],
        "ipv6_cidrs": ["2400:cb00::/32"],
        "etag": "38f79d050aa027e3be3865e495dcc9bc",
    },
    "success": True,
    "errors": [],
    "messages": [],
}
FASTLY = {"addresses": ["151.101.0.0/16"], "ipv6_addresses": ["2a04:4e42::/32"]}
GITHUB = {
    "verifiable_password_authentication": False,
    "ssh_key_fingerprints": {"SHA256_RSA": "uNiVztksCsDhcc0u9e8BgrJXVGD"},
    "ssh_keys": ["ssh-ed25519 AAAA"],
    "hooks": ["192.30.252.0/22", "2a0a:a440::/29"],
    "web": ["140.82.112.0/20", "20.201.28.151/32"],
    "git": ["140.82.112.0/20"],
    "domains": {"website": ["*.github.com"]},
    "packages": [],
}


def read(document: Any, name: str = "lists/given.json") -> Listing:
    content = document if isinstance(document, bytes) else json.dumps(document).encode()
    return listing(content, name)


@pytest.mark.parametrize(
    ("document", "title", "ranges"),
    [
        (
            AWS,
            "AWS 2025-11-28-00-00-00",
            [
                ("3.5.204.0/22", "AWS", "S3", "eu-west-3"),
                ("2600:1ffa:8000::/40", "AWS", "S3", "eu-west-3"),
            ],
        ),
        (
            AZURE,
            "Azure Public 361",
            [
                ("20.38.108.0/23", "Azure", "Storage", "westeurope"),
                ("2603:1020:206:4::/64", "Azure", "Storage", "westeurope"),
                ("13.107.208.0/24", "Azure", "AzureFrontDoor.Frontend", ""),
            ],
        ),
        (
            CLOUD,
            "GCP 2025-11-27T16:00:00.000000",
            [
                ("34.1.208.0/20", "GCP", "", "africa-south1"),
                ("2600:1900:8000::/44", "GCP", "", "africa-south1"),
            ],
        ),
        (
            GOOG,
            "Google 2025-11-27T16:00:00.000000",
            [("8.8.8.0/24", "Google", "", ""), ("2001:4860::/32", "Google", "", "")],
        ),
        (
            ORACLE,
            "Oracle 2025-11-20T10:11:12.123456",
            [
                ("129.146.0.0/21", "Oracle", "OCI", "us-phoenix-1"),
                ("134.70.8.0/21", "Oracle", "OSN", "us-phoenix-1"),
                ("134.70.8.0/21", "Oracle", "OBJECT_STORAGE", "us-phoenix-1"),
            ],
        ),
        (
            CLOUDFLARE,
            "Cloudflare 38f79d050aa027e3be3865e495dcc9bc",
            [("173.245.48.0/20", "Cloudflare", "", ""), ("2400:cb00::/32", "Cloudflare", "", "")],
        ),
        (
            FASTLY,
            "Fastly",
            [("151.101.0.0/16", "Fastly", "", ""), ("2a04:4e42::/32", "Fastly", "", "")],
        ),
        (
            GITHUB,
            "GitHub",
            [
                ("192.30.252.0/22", "GitHub", "hooks", ""),
                ("2a0a:a440::/29", "GitHub", "hooks", ""),
                ("140.82.112.0/20", "GitHub", "web", ""),
                ("20.201.28.151/32", "GitHub", "web", ""),
                ("140.82.112.0/20", "GitHub", "git", ""),
            ],
        ),
        (
            b"173.245.48.0/20\r\n103.21.244.0/22\r\n",
            "given.json",
            [("173.245.48.0/20", "Cloudflare", "", ""), ("103.21.244.0/22", "Cloudflare", "", "")],
        ),
        (
            b"\xef\xbb\xbf# of our partner\n\n  203.0.113.0/24  # main\n203.0.114.7\n",
            "given.json",
            [("203.0.113.0/24", "given", "", ""), ("203.0.114.7", "given", "", "")],
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_every_format(document: Any, title: str, ranges: list[Range]) -> None:
    assert read(document) == Listing(title, ranges)


def test_a_byte_order_mark_before_json() -> None:
    assert read(b"\xef\xbb\xbf" + json.dumps(AWS).encode()) == read(AWS)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"<!DOCTYPE html>\n<html>", 'not a known list of ranges: a text with "<!DOCTYPE html>"'),
        (b'{"addresses": []}', "not a known list of ranges: a JSON object with the keys addresses"),
        (b"{}", "not a known list of ranges: a JSON object with the keys none"),
        (b"[1, 2]", "not a known list of ranges: a JSON document that is not an object"),
        (b'{"prefixes": [', "invalid JSON: Input data was truncated"),
        (b"\x1f\x8b\x08\xff", "not a known list of ranges: neither a text nor JSON"),
        (b"", "the file has no range"),
        (b"# nothing\n", "the file has no range"),
        (b'{"prefixes": [], "ipv6_prefixes": []}', "the file has no range"),
        (
            b'{"prefixes": [{"ip_prefix": 3}], "ipv6_prefixes": []}',
            "Expected `str`, got `int`, at `prefixes[0].ip_prefix`",
        ),
        (b'{"prefixes": {}, "ipv6_prefixes": []}', "Expected `array`, got `object`, at `prefixes`"),
        (b'{"values": [{"name": "A"}], "changeNumber": 1}', "missing required field `properties`"),
    ],
)
def test_other_files_are_refused(content: bytes, said: str) -> None:
    with pytest.raises(ConfigError) as refused:
        listing(content, "lists/given")
    assert str(refused.value).startswith("lists/given: error: ")
    assert said in str(refused.value)


def test_a_line_that_is_not_a_cidr_is_named() -> None:
    with pytest.raises(ConfigError, match=r'^given:2:3: error: "10.0.0.0/33" is not a valid CIDR$'):
        listing(b"10.0.0.0/8\n  10.0.0.0/33\n", "given")
