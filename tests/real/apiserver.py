"""An API server as its clients see it: one of ours, or someone else's named by KUBECONFIG_TEST."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any, Self

import msgspec
import urllib3

VARIABLE = "KUBECONFIG_TEST"
"""Names a kubeconfig: its current context is an administrator of the server to test on."""
_SECONDS = 60.0


class NotFoundError(RuntimeError):
    """There is nothing at a path."""


class Reach(msgspec.Struct, frozen=True, kw_only=True):
    """The way to an API server as some user. Files are PEM; without `ca` the system's are used.

    `name` is the one in the server's certificate where the URL has another.
    """

    url: str
    ca: str | None = None
    verified: bool = True
    name: str | None = None
    token: str = ""
    certificate: str | None = None
    key: str | None = None

    def by(self, token: str) -> Reach:
        """The same way as another user."""
        return msgspec.structs.replace(self, token=token, certificate=None, key=None)

    def pool(self) -> urllib3.PoolManager:
        """Connections that go this way."""
        headers = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        return urllib3.PoolManager(
            headers={"Content-Type": "application/json", **headers},
            cert_reqs="CERT_REQUIRED" if self.verified else "CERT_NONE",
            ca_certs=self.ca,
            cert_file=self.certificate,
            key_file=self.key,
            server_hostname=self.name,
            retries=False,
            timeout=_SECONDS,
        )

    def kubeconfig(self) -> tuple[dict[str, Any], dict[str, Any]]:
        """The cluster and the user of a kubeconfig that says the same."""
        cluster = {
            "server": self.url,
            "certificate-authority": self.ca,
            "insecure-skip-tls-verify": not self.verified,
            "tls-server-name": self.name,
        }
        user = {
            "token": self.token,
            "client-certificate": self.certificate,
            "client-key": self.key,
        }
        return _said(cluster), _said(user)


def _said(fields: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value}


def foreign() -> Reach | None:
    """The way to the server of KUBECONFIG_TEST, None where the tests start their own.

    Whatever logs in (a token, a certificate, a plugin) is the business of the official client.
    """
    file = os.environ.get(VARIABLE)
    if not file:
        return None
    from kubernetes import client, config  # noqa: PLC0415 - it takes a while, and few need it

    found = client.Configuration()
    load: Callable[..., None] = config.load_kube_config
    load(config_file=file, client_configuration=found, persist_config=False)
    return Reach(
        url=found.host,
        ca=found.ssl_ca_cert,
        verified=found.verify_ssl,
        name=found.tls_server_name,
        token=(found.get_api_key_with_prefix("BearerToken") or "").removeprefix("Bearer "),
        certificate=found.cert_file,
        key=found.key_file,
    )


def ask(
    pool: urllib3.PoolManager, method: str, url: str, body: object = None, kind: str = ""
) -> dict[str, Any]:
    """The JSON answer; RuntimeError for a status of 400 or more, NotFoundError for a 404.

    Patches need their `kind`.
    """
    answer = pool.request(
        method,
        url,
        body=None if body is None else json.dumps(body),
        headers={**pool.headers, "Content-Type": kind} if kind else None,
    )
    if answer.status >= 400:
        error = NotFoundError if answer.status == 404 else RuntimeError
        raise error(f"{method} {url}: {answer.status} {answer.data.decode()}")
    found: dict[str, Any] = answer.json()
    return found


class ApiServer:
    """Requests to a server as its administrator.

    What tests bring for all of them (custom resources) is noted in `brought`, and taken away with
    the context.
    """

    def __init__(self, reach: Reach) -> None:
        self.reach = reach
        self.brought = ExitStack()

    def request(
        self, method: str, path: str, body: object = None, *, token: str = "", kind: str = ""
    ) -> dict[str, Any]:
        """The answer to the administrator, or to whom a token is; RuntimeError when refused."""
        reach = self.reach.by(token) if token else self.reach
        with reach.pool() as pool:
            return ask(pool, method, reach.url + path, body, kind)

    def has(self, path: str) -> bool:
        """Whether there is something at a path."""
        try:
            self.request("GET", path)
        except NotFoundError:
            return False
        return True

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.brought.close()
