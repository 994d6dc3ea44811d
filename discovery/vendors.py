"""Files in which providers publish their ranges, as they are, recognised by their content."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import PurePath
from typing import NamedTuple, TypeVar

import msgspec

from discovery import networks
from pipeline.diagnostics import ConfigError, Location, refusal

Range = tuple[str, str, str, str]
"""A CIDR, provider, service and region; "" where the list does not say."""
KNOWN = (
    "AWS ip-ranges.json, Azure ServiceTags, Google cloud.json and goog.json, "
    "Oracle public_ip_ranges.json, Cloudflare (text or JSON), GitHub meta, Fastly, "
    "or a text with a CIDR a line"
)
_FIRST_OF_CLOUDFLARE = {"173.245.48.0/20", "2400:cb00::/32"}
"""In Cloudflare's lists, which are CIDRs and nothing else."""
_ALL_OF_GOOGLE_CLOUD = {"google cloud", "google_cloud"}
_Form = TypeVar("_Form")


class Listing(NamedTuple):
    """The ranges of a file; `title` says which list it is, with its date or version."""

    title: str
    ranges: list[Range]


class _Json(NamedTuple):
    content: bytes
    name: str

    def read(self, form: type[_Form]) -> _Form:
        """The content as `form`. Raises ConfigError."""
        try:
            return msgspec.json.decode(self.content, type=form)
        except msgspec.ValidationError as error:
            raise refusal(Location(self.name), str(error).replace(" - at `$.", ", at `")) from error


class _Prefix(msgspec.Struct, frozen=True):
    region: str = ""
    service: str = ""
    ip_prefix: str = ""
    ipv6_prefix: str = ""


class _Aws(msgspec.Struct, frozen=True):
    prefixes: list[_Prefix]
    ipv6_prefixes: list[_Prefix]
    create_date: str = msgspec.field(name="createDate", default="")


def _aws(file: _Json) -> Listing:
    found = file.read(_Aws)
    both = [*found.prefixes, *found.ipv6_prefixes]
    return _titled(
        *("AWS", found.create_date),
        ((one.ip_prefix or one.ipv6_prefix, "AWS", one.service, one.region) for one in both),
    )


class _Properties(msgspec.Struct, frozen=True, rename="camel"):
    address_prefixes: list[str]
    region: str = ""


class _Tag(msgspec.Struct, frozen=True):
    name: str
    properties: _Properties


class _Azure(msgspec.Struct, frozen=True):
    values: list[_Tag]
    change_number: int | str = msgspec.field(name="changeNumber", default="")
    cloud: str = ""


def _azure(file: _Json) -> Listing:
    found = file.read(_Azure)
    return _titled(
        *("Azure", f"{found.cloud} {found.change_number}".strip()),
        (
            (prefix, "Azure", azure_service(tag.name, tag.properties.region), tag.properties.region)
            for tag in found.values
            for prefix in tag.properties.address_prefixes
        ),
    )


def azure_service(tag: str, region: str) -> str:
    """The service of a service tag: its name without the region at its end.

    >>> azure_service("Storage.WestEurope", "westeurope"), azure_service("AppService", "")
    ('Storage', 'AppService')
    """
    service, _, end = tag.rpartition(".")
    return service if service and end.lower() == region.lower() else tag


class _GooglePrefix(msgspec.Struct, frozen=True, rename="camel"):
    ipv4_prefix: str = msgspec.field(name="ipv4Prefix", default="")
    ipv6_prefix: str = msgspec.field(name="ipv6Prefix", default="")
    service: str = ""
    scope: str = ""


class _Google(msgspec.Struct, frozen=True):
    prefixes: list[_GooglePrefix]
    creation_time: str = msgspec.field(name="creationTime", default="")


def _google(file: _Json) -> Listing:
    found = file.read(_Google)
    cloud = any(one.scope for one in found.prefixes)
    provider = "GCP" if cloud else "Google"
    return _titled(
        *(provider, found.creation_time),
        (
            (one.ipv4_prefix or one.ipv6_prefix, provider, google_service(one.service), one.scope)
            for one in found.prefixes
        ),
    )


def google_service(service: str) -> str:
    """The service of a range of Google Cloud; "" for the name of the whole."""
    return "" if service.lower() in _ALL_OF_GOOGLE_CLOUD else service


class _Block(msgspec.Struct, frozen=True):
    cidr: str
    tags: list[str] = []


class _Region(msgspec.Struct, frozen=True):
    region: str
    cidrs: list[_Block]


class _Oracle(msgspec.Struct, frozen=True):
    regions: list[_Region]
    last_updated_timestamp: str = ""


def _oracle(file: _Json) -> Listing:
    found = file.read(_Oracle)
    return _titled(
        *("Oracle", found.last_updated_timestamp),
        (
            (block.cidr, "Oracle", tag, region.region)
            for region in found.regions
            for block in region.cidrs
            for tag in block.tags or [""]
        ),
    )


class _CloudflareLists(msgspec.Struct, frozen=True):
    ipv4_cidrs: list[str]
    ipv6_cidrs: list[str]
    etag: str = ""


class _Cloudflare(msgspec.Struct, frozen=True):
    result: _CloudflareLists


def _cloudflare(file: _Json) -> Listing:
    found = file.read(_Cloudflare).result
    cidrs = [*found.ipv4_cidrs, *found.ipv6_cidrs]
    return _titled("Cloudflare", found.etag, ((each, "Cloudflare", "", "") for each in cidrs))


class _Fastly(msgspec.Struct, frozen=True):
    addresses: list[str]
    ipv6_addresses: list[str]


def _fastly(file: _Json) -> Listing:
    found = file.read(_Fastly)
    cidrs = [*found.addresses, *found.ipv6_addresses]
    return _titled("Fastly", "", ((each, "Fastly", "", "") for each in cidrs))


def _github(file: _Json) -> Listing:
    """Of the lists of texts in GitHub's meta, those that begin with a network."""
    services: dict[str, list[str]] = {}
    for key, raw in file.read(dict[str, msgspec.Raw]).items():
        try:
            texts = msgspec.json.decode(raw, type=list[str])
        except msgspec.ValidationError:
            continue
        if texts and networks.network(texts[0]):
            services[key] = texts
    return _titled(
        *("GitHub", ""),
        ((text, "GitHub", key, "") for key, texts in services.items() for text in texts),
    )


_FORMATS: tuple[tuple[frozenset[str], Callable[[_Json], Listing]], ...] = (
    (frozenset({"prefixes", "ipv6_prefixes"}), _aws),
    (frozenset({"prefixes", "creationTime"}), _google),
    (frozenset({"values", "changeNumber"}), _azure),
    (frozenset({"regions", "last_updated_timestamp"}), _oracle),
    (frozenset({"result", "success"}), _cloudflare),
    (frozenset({"addresses", "ipv6_addresses"}), _fastly),
    (frozenset({"hooks", "git", "web"}), _github),
)
"""The keys by which a JSON document is recognised, and how it is read."""


def listing(content: bytes, name: str) -> Listing:
    """The ranges of a file; `name` is the file in errors.

    Raises ConfigError for a file that is not one of KNOWN or has no range. Whether the ranges of
    a JSON document are valid CIDRs is left to who reads them.
    """
    text = content.removeprefix(b"\xef\xbb\xbf").strip()
    found = _document(_Json(text, name)) if text[:1] in {b"{", b"["} else _plain(content, name)
    if not found.ranges:
        raise refusal(Location(name), "the file has no range")
    return found


def _document(file: _Json) -> Listing:
    try:
        keys = set(msgspec.json.decode(file.content, type=dict[str, msgspec.Raw]))
    except msgspec.ValidationError:
        raise _unknown(file.name, "a JSON document that is not an object") from None
    except (msgspec.DecodeError, RecursionError) as error:
        raise refusal(Location(file.name), f"invalid JSON: {error}") from error
    for wanted, reader in _FORMATS:
        if wanted <= keys:
            return reader(file)
    raise _unknown(
        file.name, f"a JSON object with the keys {', '.join(sorted(keys)[:8]) or 'none'}"
    )


def _plain(content: bytes, name: str) -> Listing:
    """A text with a CIDR or address a line; # starts a comment."""
    try:
        lines = content.decode("utf-8-sig").splitlines()
    except UnicodeDecodeError:
        raise _unknown(name, "neither a text nor JSON") from None
    cidrs: list[str] = []
    for number, line in enumerate(lines, 1):
        text = line.partition("#")[0].strip()
        if text and networks.network(text) is None:
            if not cidrs:
                raise _unknown(name, f'a text with "{text[:40]}" in line {number}')
            column = line.index(text) + 1
            raise refusal(Location(name, number, column), f'"{text[:40]}" is not a valid CIDR')
        cidrs += [text] if text else []
    file = PurePath(name).name
    provider = "Cloudflare" if _FIRST_OF_CLOUDFLARE & set(cidrs) else file.partition(".")[0]
    return Listing(file, [(text, provider, "", "") for text in cidrs])


def _titled(provider: str, version: str, ranges: Iterator[Range]) -> Listing:
    return Listing(f"{provider} {version}".strip(), list(ranges))


def _unknown(name: str, what: str) -> ConfigError:
    return refusal(Location(name), f"not a known list of ranges: {what}", f"known are {KNOWN}")
