"""Certificates for tests, made by openssl."""

from __future__ import annotations

import subprocess
from pathlib import Path

_KEY = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes")


class Authority:
    """A certificate authority in a folder of its own."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir()
        self._folder = folder
        self.certificate = folder / "ca.pem"
        self._key = folder / "ca.key"
        _run(
            "req", "-x509", *_KEY, "-keyout", self._key, "-out", self.certificate, "-subj", "/CN=ca"
        )

    def issue(self, name: str, days: int = 1) -> tuple[Path, Path]:
        """A certificate and its key; a server has the address 127.0.0.1.

        It holds for so many days; with -1 it ended yesterday.
        """
        cert, key, asked = (self._folder / f"{name}.{kind}" for kind in ("pem", "key", "csr"))
        _run("req", *_KEY, "-keyout", key, "-out", asked, "-subj", f"/CN={name}")
        names = self._folder / "names"
        names.write_text("subjectAltName=IP:127.0.0.1\n")
        signed = (
            "-CA",
            self.certificate,
            "-CAkey",
            self._key,
            "-CAcreateserial",
            "-days",
            str(days),
        )
        _run("x509", "-req", "-in", asked, "-out", cert, *signed, "-extfile", names)
        return cert, key

    def pair(self, name: str, days: int = 1) -> Path:
        """A certificate with its key, in one file."""
        cert, key = self.issue(name, days)
        both = self._folder / f"{name}.both"
        both.write_bytes(cert.read_bytes() + key.read_bytes())
        return both


def _run(*arguments: str | Path) -> None:
    subprocess.run(["openssl", *map(str, arguments)], check=True, capture_output=True)
