"""The credentials of a user of a kubeconfig.

Tokens, token files, certificates, passwords, plugins (exec) and impersonation, as kubectl reads
them. Credentials that cannot be read are an error; requests are never sent anonymously instead.
"""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
import time
from base64 import b64encode
from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path
from selectors import EVENT_READ, DefaultSelector
from typing import Any, NamedTuple

from pipeline.files import MOST, bounded, secret, warn_if_open
from pipeline.kube.api.errors import CredentialsError, reason
from pipeline.kube.api.kubeconfig import Context, Fields

_PLUGIN_SECONDS = 60.0
"""The timeout of a plugin in seconds."""
_BLOCK = 1 << 16
_TOKEN_SECONDS = 60.0
"""Seconds until the file of a token is read again, as in kubectl."""
_KEPT = (
    *("client-certificate", "client-certificate-data", "client-key", "client-key-data"),
    *("username", "password", "auth-provider", "token"),
)
_PROVIDERS = frozenset({"gcp", "oidc"})
_CLUSTER = (
    *("server", "tls-server-name", "insecure-skip-tls-verify", "certificate-authority-data"),
    *("proxy-url", "disable-compression"),
)
_EXTENSION = "client.authentication.k8s.io/exec"


class Credentials(NamedTuple):
    """`user` of a kubeconfig, with a token or a certificate instead of plugins and files.

    `impersonation` has the headers that name the user to act as. `expires` is the end of their
    validity in seconds since 1970.
    """

    user: Fields
    impersonation: tuple[tuple[str, str], ...] = ()
    expires: float = math.inf


def credentials(context: Context, now: float) -> Credentials:
    """The credentials of a context at `now`, in seconds since 1970.

    Raises CredentialsError when a plugin or a file does not give them.
    """
    given = context.user
    user = {name: given[name] for name in _KEPT if given.get(name)}
    expires = math.inf
    if given.get("tokenFile"):
        user["token"] = _token(context.folder / str(given["tokenFile"]))
        expires = now + _TOKEN_SECONDS
    elif given.get("exec") and not user.get("token"):
        status = _run(given["exec"], context)
        user |= _issued(status)
        expires = _expiry(status)
    for name in ("client-certificate", "client-key"):
        if name in user:
            _readable(context.folder / str(user[name]))
            if name == "client-key":
                warn_if_open(context.folder / str(user[name]))
    provider = (user.get("auth-provider") or {}).get("name")
    if provider and provider not in _PROVIDERS:
        hint = "use a plugin (exec) instead"
        raise CredentialsError(f'no credentials: auth-provider "{provider}" is unknown; {hint}')
    return Credentials(user, tuple(_impersonation(given)), expires)


def _token(path: Path) -> str:
    try:
        token = secret(path)
    except (OSError, UnicodeDecodeError) as error:
        raise CredentialsError(f"no credentials: token file {path.name}: {_said(error)}") from error
    if not token:
        raise CredentialsError(f"no credentials: token file {path.name} is empty")
    return token


def _readable(path: Path) -> None:
    try:
        bounded(path)
    except OSError as error:
        raise CredentialsError(f"no credentials: {path.name}: {_said(error)}") from error


def _said(error: Exception) -> str:
    return getattr(error, "strerror", None) or reason(error)


def _run(plugin: Fields, context: Context) -> Fields:
    """The `status` that a plugin prints (client-go credential plugins).

    Its standard input is the terminal, if the process has one and the plugin may ask. It is never
    the standard input of this process, which may have flows.
    """
    command, mode = str(plugin.get("command") or ""), plugin.get("interactiveMode")
    terminal = sys.stdin is not None and sys.stdin.isatty() and mode != "Never"
    if mode == "Always" and not terminal:
        raise CredentialsError(f"no credentials: {command} wants to ask (interactiveMode: Always)")
    environment = {str(item["name"]): str(item["value"]) for item in plugin.get("env") or ()}
    info = {"KUBERNETES_EXEC_INFO": json.dumps(_info(plugin, context.cluster, asks=terminal))}
    try:
        status, output, complaint = _finished(
            subprocess.Popen(  # noqa: S603 - the kubeconfig names it
                [command, *map(str, plugin.get("args") or ())],
                stdin=None if terminal else subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                cwd=context.folder,
                env={**os.environ, **environment, **info},
            )
        )
    except (OSError, ValueError) as error:
        hint = " ".join(str(plugin.get("installHint") or "").split())
        told = f"{command}: {_said(error)}{f'; {hint}' if hint else ''}"
        raise CredentialsError(f"no credentials: {told}") from error
    except subprocess.TimeoutExpired as error:
        told = f"{command} said nothing for {_PLUGIN_SECONDS:.0f} s"
        raise CredentialsError(f"no credentials: {told}") from error
    if status:
        said = " ".join(complaint.decode(errors="replace").split())
        told = f"{command} ended with status {status}{f': {said}' if said else ''}"
        raise CredentialsError(f"no credentials: {told}")
    return _status(command, plugin, output)


def _finished(plugin: subprocess.Popen[bytes]) -> tuple[int, bytes, bytes]:
    """Its exit status, and what it wrote to its two outputs.

    Raises TimeoutExpired, and ValueError when it prints too much; it has ended then, too.
    """
    due = time.monotonic() + _PLUGIN_SECONDS
    with plugin:
        try:
            output, complaint = _printed(plugin, due)
            status = plugin.wait(max(0.0, due - time.monotonic()))
        except BaseException:
            plugin.kill()
            raise
    return status, output, complaint


def _printed(plugin: subprocess.Popen[bytes], due: float) -> Iterator[bytes]:
    printed = {pipe.fileno(): b"" for pipe in (plugin.stdout, plugin.stderr) if pipe}
    with DefaultSelector() as outputs:
        for descriptor in printed:
            outputs.register(descriptor, EVENT_READ)
        while outputs.get_map():
            ready = outputs.select(max(0.0, due - time.monotonic()))
            if not ready:
                raise subprocess.TimeoutExpired(plugin.args, _PLUGIN_SECONDS)
            for key, _ in ready:
                block = os.read(key.fd, _BLOCK)
                printed[key.fd] += block
                if len(printed[key.fd]) > MOST:
                    raise ValueError(f"it printed more than {MOST} bytes")
                if not block:
                    outputs.unregister(key.fd)
    return iter(printed.values())


def _status(command: str, plugin: Fields, output: bytes) -> Fields:
    try:
        found = json.loads(output)
        version, status = found["apiVersion"], found["status"]
        usable = isinstance(status, dict)
    except (ValueError, KeyError, TypeError, RecursionError):
        usable, version, status = False, "", {}
    if not usable:
        raise CredentialsError(f"no credentials: {command} printed no ExecCredential with a status")
    if version != plugin.get("apiVersion"):
        asked = plugin.get("apiVersion")
        message = f"{command} speaks {version}, and the kubeconfig asks for {asked}"
        raise CredentialsError(f"no credentials: {message}")
    certificate = status.get("clientCertificateData") and status.get("clientKeyData")
    if not (status.get("token") or certificate):
        message = f"{command} gave neither a token nor a certificate with its key"
        raise CredentialsError(f"no credentials: {message}")
    return dict(status)


def _info(plugin: Fields, cluster: Fields, *, asks: bool) -> Fields:
    spec: Fields = {"interactive": asks}
    if plugin.get("provideClusterInfo"):
        spec["cluster"] = {name: cluster[name] for name in _CLUSTER if name in cluster}
        for extension in cluster.get("extensions") or ():
            if extension.get("name") == _EXTENSION:
                spec["cluster"]["config"] = extension.get("extension")
    return {"apiVersion": plugin.get("apiVersion"), "kind": "ExecCredential", "spec": spec}


def _issued(status: Fields) -> Fields:
    """What a plugin gave, as a kubeconfig says it."""
    given: Fields = {}
    if status.get("token"):
        given["token"] = str(status["token"]).strip()
    for name, said in (("certificate", "clientCertificateData"), ("key", "clientKeyData")):
        if status.get(said):
            given[f"client-{name}-data"] = b64encode(str(status[said]).encode()).decode()
    return given


def _expiry(status: Fields) -> float:
    text = status.get("expirationTimestamp")
    try:
        return datetime.fromisoformat(str(text)).timestamp() if text else math.inf
    except ValueError:
        return math.inf


def _impersonation(user: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """The headers of `as`, `as-uid`, `as-groups` and `as-user-extra`."""
    if user.get("as"):
        yield "Impersonate-User", str(user["as"])
    if user.get("as-uid"):
        yield "Impersonate-Uid", str(user["as-uid"])
    for group in user.get("as-groups") or ():
        yield "Impersonate-Group", str(group)
    for name, values in (user.get("as-user-extra") or {}).items():
        for value in values:
            yield f"Impersonate-Extra-{name}", str(value)
