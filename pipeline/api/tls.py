"""TLS of a server, with files that may be renewed while it runs."""

from __future__ import annotations

import logging
import ssl
from pathlib import Path
from threading import Lock

from pipeline.files import warn_of_end
from pipeline.files.pem import Files
from pipeline.stage.fingerprint import fingerprints

_log = logging.getLogger(__name__)


class Tls:
    """What TLS takes: `cert`, its `key` ("": in the same file), and who signs those of callers.

    The files are looked at for each new connection, and read again when they have changed. Files
    that cannot be used are told in the log once, and the ones before stay in force. Probes have no
    certificate, so one is asked for and not required. Raises OSError, which names the file, when
    they cannot be used at the start.
    """

    def __init__(self, cert: str, key: str = "", client_ca: str = "") -> None:
        self._cert, self._key, self._client_ca = cert, key, client_ca
        self._files = [Path(name) for name in (cert, key, client_ca) if name]
        self._lock = Lock()
        self._stamp = fingerprints(self._files)
        self._context = self._made()

    def context(self) -> ssl.SSLContext:
        """What a connection that comes now takes."""
        with self._lock:
            stamp = fingerprints(self._files)
            if stamp != self._stamp:
                self._stamp = stamp
                self._renew()
            return self._context

    def _renew(self) -> None:
        names = ", ".join(map(str, self._files))
        try:
            self._context = self._made()
        except OSError as error:
            why = f"{names}: {error.strerror}" if error.strerror else error
            _log.error("TLS goes on with the certificates from before: %s", why)
        else:
            _log.info("TLS has new certificates: %s", names)

    def _made(self) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        files = Files(
            cert=Path(self._cert),
            key=Path(self._key or self._cert),
            client_ca=Path(self._client_ca) if self._client_ca else None,
        )
        files.verify()
        context.load_cert_chain(self._cert, self._key or None, password="")
        warn_of_end(Path(self._cert))
        if self._client_ca:
            context.load_verify_locations(self._client_ca)
            context.verify_mode = ssl.CERT_OPTIONAL
        return context
