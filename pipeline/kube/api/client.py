"""The way to an API server: from inside its cluster, or by a kubeconfig file."""

from __future__ import annotations

import math
import re
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import msgspec
import urllib3
import yaml

from pipeline.diagnostics import ConfigError
from pipeline.yaml import kubernetes

_KUBECONFIG = re.compile(r"""^\s*["']?kind["']?\s*:\s*["']?Config["']?\s*,?\s*$""", re.MULTILINE)
_HEAD = 65_536
_CONNECT_SECONDS = 10.0
_GRACE = 2.0
"""Seconds a clock may be off before it is corrected: the server tells whole seconds."""


class ConnectError(Exception):
    """There is no way to an API server: no kubeconfig, no such context, not inside a cluster."""


class UnreachableError(Exception):
    """The API server does not answer, or the connection broke."""


class ApiError(Exception):
    """The API server refused. `retry_after` in seconds, 0 when it does not say."""

    def __init__(self, code: int, message: str, retry_after: float = 0.0) -> None:
        super().__init__(message)
        self.code, self.retry_after = code, retry_after


class Status(msgspec.Struct, frozen=True):
    """The answer of a refused request."""

    message: str = ""
    code: int = 0


def is_kubeconfig(path: Path) -> bool:
    """Whether a file says how to reach a cluster, and is no list of its objects."""
    try:
        with path.open("rb") as file:
            return _KUBECONFIG.search(file.read(_HEAD).decode(errors="replace")) is not None
    except OSError:
        return False


def contexts(path: Path) -> list[str]:
    """The contexts of a kubeconfig file. Raises ConnectError when it cannot be read."""
    try:
        text = kubernetes.text_of(path.read_bytes(), path.name)
        document = next(kubernetes.documents(text, path.name), None)
        return [str(one["name"]) for one in document.data["contexts"]] if document else []
    except OSError as error:
        raise ConnectError(f"{path.name}: cannot be read: {error.strerror}") from error
    except (ConfigError, KeyError, TypeError) as error:
        raise ConnectError(f"{path.name}: not a kubeconfig: it lists no contexts") from error


class ClusterConnection:
    """Requests to one API server, from any number of threads.

    Without `kubeconfig` the pod's own service account is used. Tokens are read again as they are
    replaced, and all credentials when the server does not know them any more. Raises ConnectError.
    """

    def __init__(
        self,
        kubeconfig: Path | None = None,
        context: str = "",
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._kubeconfig, self._context, self._clock = kubeconfig, context, clock
        self._lock = threading.Lock()
        self._renewed = 0.0
        self._skew = 0.0
        self._ahead = -math.inf, math.inf
        self._client = self._load()

    @property
    def host(self) -> str:
        """The URL of the server."""
        return str(self._client.configuration.host)

    def now(self) -> int:
        """The server's time in ms: local time, corrected when it is seconds off."""
        return round((self._clock() + self._skew) * 1000)

    @contextmanager
    def request(
        self,
        path: str,
        query: Mapping[str, str | int] | None = None,
        *,
        method: str = "GET",
        body: object = None,
        headers: Mapping[str, str] | None = None,
        silence: float = 60.0,
    ) -> Iterator[urllib3.BaseHTTPResponse]:
        """The answer, to be read within the context; `silence`: seconds without a byte.

        Raises ApiError for a status of 400 or more, UnreachableError when there is no answer or it
        breaks off, ConnectError when there are no credentials at the moment.
        """
        client = self._client
        sent = self._clock()
        try:
            fields = {"Accept": "application/json", **(headers or {}), **_login(client, method)}
            answer = client.rest_client.request(
                method,
                f"{self.host}{path}{'?' + urlencode(query) if query else ''}",
                headers=fields,
                body=body,
                _request_timeout=(_CONNECT_SECONDS, silence),
            )
            response: urllib3.BaseHTTPResponse = answer.response
            try:
                self._compare_clocks(response, sent)
                if response.status >= 400:
                    self._refuse(response)
                yield response
            finally:
                response.close()  # what was read to its end goes back to the pool
        except (OSError, urllib3.exceptions.HTTPError, self._exception) as error:
            raise UnreachableError(_reason(error)) from error
        finally:
            if client is not self._client:  # replaced meanwhile: what it still keeps is its own
                client.rest_client.close()

    def close(self) -> None:
        """Close the connections that are kept for the next request."""
        self._client.rest_client.close()

    def fetch(self, path: str, query: Mapping[str, str | int] | None = None, **more: Any) -> bytes:
        """The whole body of an answer. Raises as `request`."""
        with self.request(path, query, **more) as response:
            return response.read()

    def _load(self) -> Any:
        # The client's models take a while to import: only those who have a cluster wait for them.
        from kubernetes import client, config  # noqa: PLC0415

        self._exception: type[Exception] = client.ApiException
        settings = client.Configuration()
        load_kubeconfig: Callable[..., None] = config.load_kube_config
        load_incluster: Callable[..., None] = config.load_incluster_config
        try:
            if self._kubeconfig:
                load_kubeconfig(
                    config_file=str(self._kubeconfig),
                    context=self._context or None,
                    client_configuration=settings,
                    persist_config=False,
                )
            else:
                load_incluster(client_configuration=settings)
        except config.ConfigException as error:
            where = self._kubeconfig.name if self._kubeconfig else "not inside a cluster"
            raise ConnectError(f"{where}: {error}") from error
        except (OSError, ValueError, TypeError, yaml.YAMLError) as error:
            raise ConnectError(f"the kubeconfig cannot be used: {_reason(error)}") from error
        settings.retries = False  # who asks has a backoff of its own
        settings.connection_pool_maxsize = 32
        return client.ApiClient(settings)

    def _refuse(self, response: urllib3.BaseHTTPResponse) -> None:
        text = response.read()
        try:
            message = msgspec.json.decode(text, type=Status).message
        except msgspec.DecodeError:
            message = text[:200].decode(errors="replace").strip()
        if response.status == 401:
            self._renew()
        after = response.headers.get("Retry-After", "")
        wait = float(after) if after.isdigit() else 0.0
        raise ApiError(response.status, message or str(response.reason), wait)

    def _renew(self) -> None:
        """Read the credentials again, at most once a second for all threads."""
        with self._lock:
            if time.monotonic() - self._renewed < 1.0:
                return
            self._renewed = time.monotonic()
            self.close()
            self._client = self._load()

    def _compare_clocks(self, response: urllib3.BaseHTTPResponse, sent: float) -> None:
        """Narrow down how far the server's clock is ahead: it tells whole seconds only."""
        date = response.headers.get("Date")
        if not date:
            return
        second = parsedate_to_datetime(date).timestamp()
        low, high = second - self._clock(), second + 1.0 - sent
        before = self._ahead
        if low <= before[1] and before[0] <= high:
            low, high = max(low, before[0]), min(high, before[1])
        self._ahead = low, high
        self._skew = (low + high) / 2 if low > _GRACE or high < -_GRACE else 0.0


def _login(client: Any, method: str) -> dict[str, str]:
    """The headers that say who asks; a token is read again where that is due."""
    fields: dict[str, str] = {}
    try:
        client.update_params_for_auth(fields, [], ["BearerToken"], "", method, None)
    except Exception as error:  # each way to log in has errors of its own
        raise ConnectError(f"no credentials: {_reason(error)}") from error
    return {name: text.strip() for name, text in fields.items()}


def _reason(error: Exception) -> str:
    """The innermost cause, on one line."""
    inner: BaseException = error
    while inner.__cause__ or inner.__context__:
        inner = inner.__cause__ or inner.__context__ or inner
    return " ".join(str(inner).split()) or type(inner).__name__
