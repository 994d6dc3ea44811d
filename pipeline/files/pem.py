"""The PEM files of a server's TLS, and whether they can be used."""

from __future__ import annotations

import ssl
from pathlib import Path
from typing import NamedTuple

from pipeline.files.reading import bounded


class Files(NamedTuple):
    """The chain of the server, its key, and whose client certificates are accepted.

    Without `client_ca` clients need no certificate.
    """

    cert: Path
    key: Path
    client_ca: Path | None = None

    def verify(self) -> None:
        """Raises OSError, which names the file that cannot be used."""
        for path in filter(None, self):
            bounded(path)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        try:
            context.load_cert_chain(self.cert, self.key, password="")  # never asks for one
        except ssl.SSLError as error:
            both = f"{self.cert} is not the certificate of the key {self.key}"
            raise OSError(f"{both}, one of them is not PEM, or it has a password") from error
        if self.client_ca:
            try:
                context.load_verify_locations(self.client_ca)
            except ssl.SSLError as error:
                raise OSError(f"{self.client_ca} has no certificate") from error
