"""The certificates of a server, read again when they are renewed."""

from __future__ import annotations

import logging

import grpc

from pipeline.files import content, warn_if_open, warn_of_end
from pipeline.files.pem import Files

_log = logging.getLogger(__name__)


def server(files: Files) -> grpc.ServerCredentials:
    """Credentials that follow the files. Raises OSError, which names one that cannot be used."""
    warn_if_open(files.key)
    current = _Current(files)
    return grpc.dynamic_ssl_server_credentials(
        current.configuration,
        current.renewed,  # type: ignore[arg-type] # None is documented, and not in the hints
        require_client_authentication=bool(files.client_ca),
    )


class _Current:
    """What was read last. Files that cannot be used, while they are replaced, change nothing."""

    def __init__(self, files: Files) -> None:
        self._files = files
        self._stamp = self._look()
        self.configuration = _read(files)

    def renewed(self) -> grpc.ServerCertificateConfiguration | None:
        """The certificates, when they have changed; asked before each handshake."""
        try:
            stamp = self._look()
            if stamp == self._stamp:
                return None
            self.configuration = _read(self._files)
        except OSError as error:
            _log.warning("the certificate stays the old one: %s", error)
            return None
        self._stamp = stamp
        return self.configuration

    def _look(self) -> list[tuple[int, int, int]]:
        found = [path.stat() for path in self._files if path]
        return [(one.st_mtime_ns, one.st_ino, one.st_size) for one in found]


def _read(files: Files) -> grpc.ServerCertificateConfiguration:
    files.verify()
    warn_of_end(files.cert)
    authority = content(files.client_ca) if files.client_ca else None
    pair = (content(files.key), content(files.cert))
    return grpc.ssl_server_certificate_configuration([pair], root_certificates=authority)
