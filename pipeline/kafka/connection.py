"""How to reach Kafka: brokers, TLS and SASL, for every client of it.

Secrets stand in files, never in the configuration: a file's content is read when a client is made,
and neither it nor its absence shows anything but the name of the file. A folder stands for the
files Strimzi puts in a secret: `ca.crt`, `user.crt`, `user.key`, `password`.
"""

from __future__ import annotations

import re
import ssl
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from pipeline.diagnostics import Problem
from pipeline.files import (
    bounded,
    check_dates,
    credential,
    is_folder,
    require_valid,
    secret,
    warn_if_open,
)
from pipeline.flows.hosts import host

Topic = Annotated[
    str,
    Meta(
        pattern=r"^(?!\.{1,2}$)[a-zA-Z0-9._-]{0,249}$(?!\n)",
        extra={"expected": "the name of a topic ([a-zA-Z0-9._-]{1,249} but . and ..)"},
    ),
]
_STRIMZI = {"ca": "ca.crt", "cert": "user.crt", "key": "user.key", "password_file": "password"}
_MECHANISMS = {"scramSHA512": "SCRAM-SHA-512"}


class BrokerError(Exception):
    """Kafka cannot be used as configured; the message says what to do."""


class Tls(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True
):
    """TLS to the brokers, 1.2 or later.

    `enable` switches it off when false. `ca` verifies the brokers (the system's authorities if not
    given); `cert` and `key` show who the client is. All are PEM files, or folders in the layout of
    Strimzi's secrets. `insecure_skip_verify` trusts any broker.
    """

    enable: bool = True
    insecure_skip_verify: bool = False
    ca: str = ""
    cert: str = ""
    key: str = ""


class Sasl(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True
):
    """Log in to the brokers.

    `scramSHA512` is flowlogs-pipeline's name of scram-sha-512. The name is `username`, or the
    content of `username_file`; the password is the content of `password_file` (a file, or a folder
    in the layout of Strimzi's secrets).
    """

    mechanism: Literal["plain", "scram-sha-256", "scram-sha-512", "scramSHA512"] = "plain"
    username: str = ""
    username_file: str = ""
    password_file: str = ""


class Connection(msgspec.Struct, frozen=True, kw_only=True):
    """What a client needs to know; relative file names are under `folder`."""

    brokers: tuple[str, ...]
    tls: Tls | None = None
    sasl: Sasl | None = None
    folder: str = ""

    def arguments(self) -> dict[str, Any]:
        """The security arguments of aiokafka's clients.

        Raises BrokerError when a file cannot be used.
        """
        folder = Path(self.folder)
        tls = self.tls is not None and self.tls.enable
        protocol = ("SASL_" if self.sasl else "") + ("SSL" if tls else "PLAINTEXT")
        found: dict[str, Any] = {"security_protocol": protocol}
        if self.tls is not None and tls:
            found["ssl_context"] = tls_context(self.tls, folder)
        if self.sasl:
            named = self.sasl.username or _content(folder, self.sasl.username_file)
            found |= {
                "sasl_mechanism": _MECHANISMS.get(self.sasl.mechanism)
                or self.sasl.mechanism.upper(),
                "sasl_plain_username": named,
                "sasl_plain_password": _content(folder, self.sasl.password_file, "password_file"),
            }
        return found


class Subscription(msgspec.Struct, frozen=True, kw_only=True):
    """The topics a group consumes and how; durations in seconds, `batch_size` in messages.

    `group` is "" where the configuration names none. `committed`: without messages of open and
    aborted transactions. `start_over`: a topic that was deleted and made again is consumed from its
    start; otherwise it ends the worker.
    """

    connection: Connection
    topics: tuple[str, ...]
    group: str
    instance: str = ""
    from_end: bool = False
    batch_size: int = 60_000
    linger: float = 0.25
    session_timeout: float = 6.0
    committed: bool = True
    start_over: bool = False


def address(broker: str) -> tuple[str, int]:
    """Host and port (9092 if not given) of a broker. ValueError when it is neither."""
    found = re.fullmatch(r"(\[.*\]|[^:]+)(?::([0-9]{1,5}))?", broker, re.DOTALL)
    if found is None or int(found[2] or 1) > 65535:
        raise ValueError(f'"{broker}" is not host:port')
    try:
        return host(found[1]), int(found[2] or 9092)
    except ValueError as error:
        raise ValueError(f'"{broker}" is not host:port: {error}') from None


def changelog(group: str, topic: str) -> str:
    """The name of the topic that keeps the counts of another one."""
    return f"{group}-{topic}-ledger-changelog"


def check(tls: Tls | None, sasl: Sasl | None, folder: Path) -> Iterator[Problem]:
    """What is wrong beyond types; the files themselves may come later."""
    if tls and bool(tls.cert) != bool(tls.key):
        given = "cert" if tls.cert else "key"
        yield Problem(("tls", given), "cert and key go together")
    if tls and tls.enable and tls.cert:
        yield from check_dates(("tls", "cert"), _file(folder, tls.cert, "cert"))
    if sasl and bool(sasl.username) == bool(sasl.username_file):
        yield Problem(("sasl",), "give one of username and username_file")
    if sasl and not sasl.password_file:
        yield Problem(("sasl",), 'missing field "password_file"')


def tls_context(tls: Tls, folder: Path) -> ssl.SSLContext:
    """What a client needs for TLS, with its files as they are now. Raises BrokerError."""
    try:
        ca = bounded(_file(folder, tls.ca, "ca")) if tls.ca else None
        context = ssl.create_default_context(cafile=ca)
    except OSError as error:
        raise _refused(error, tls.ca, "no PEM file with certificates") from error
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if tls.insecure_skip_verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    if tls.cert:
        cert, key = _file(folder, tls.cert, "cert"), _file(folder, tls.key, "key")
        try:
            context.load_cert_chain(bounded(cert), bounded(key), password="")
            require_valid(cert)
        except OSError as error:
            what = "no PEM files, a key with a password, or key and certificate do not match"
            raise _refused(error, f"{tls.cert}, {tls.key}", what) from error
        warn_if_open(key)
    return context


def _refused(error: OSError, names: str, what: str) -> BrokerError:
    """Files of TLS that cannot be used: `what` it is that OpenSSL cannot read."""
    if isinstance(error, ssl.SSLError):
        more = f" ({error.reason})" if error.reason else ""
        return BrokerError(f"tls: cannot use {names}: {what}{more}")
    return BrokerError(f"tls: cannot use {error.filename or names}: {error.strerror}")


def _file(folder: Path, name: str, field: str) -> Path:
    path = folder / name
    return path / _STRIMZI[field] if is_folder(path) and field in _STRIMZI else path


def _content(folder: Path, name: str, field: str = "username_file") -> str:
    path = _file(folder, name, field)
    try:
        return secret(path) if field == "password_file" else credential(path)
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is no text"
        raise BrokerError(f"sasl: cannot read {path}: {reason}") from None
