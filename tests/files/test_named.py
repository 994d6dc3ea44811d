"""Which fields of a configuration name files, and which have other texts."""

from __future__ import annotations

from pathlib import Path

import msgspec

from pipeline.files import named


class Tls(msgspec.Struct):
    enable: bool = True
    ca: str = ""
    cert: str = "cert.pem"
    key: str = "/etc/key.pem"


class Stage(msgspec.Struct):
    name: str = "in"
    key: str = "conversation"
    inventory: str = "kube.json"
    services_file: str = "services"
    password: str = "secret"  # noqa: S105 - it is none
    tls: Tls | None = None
    ends: tuple[str, ...] = ("ca",)


def test_fields_that_name_files() -> None:
    folder = Path("conf")
    assert list(named(Stage(), folder)) == [folder / "kube.json", folder / "services"]
    found = list(named(Stage(inventory="", services_file="", tls=Tls()), folder))
    assert found == [folder / "cert.pem", Path("/etc/key.pem")]
