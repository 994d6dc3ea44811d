"""Requests to an API server, from inside its cluster or by a kubeconfig file."""

from __future__ import annotations

import math
import random
import ssl
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from email.utils import parsedate_to_datetime
from pathlib import Path
from textwrap import shorten
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode, urljoin

import msgspec

from pipeline.diagnostics import printable, without_login
from pipeline.files import require_valid
from pipeline.kube.api import kubeconfig
from pipeline.kube.api.credentials import Credentials, credentials
from pipeline.kube.api.errors import (
    ApiError,
    ConnectError,
    CredentialsError,
    UnreachableError,
    reason,
)
from pipeline.kube.api.kubeconfig import Context
from pipeline.timing.deadline import keep, within

if TYPE_CHECKING:
    import urllib3

_CONNECT_SECONDS = 5.0
_PROBE_SECONDS = 5.0
_PATIENCE = 120.0
"""Seconds that an answer may take in all; an API server itself gives up after 60."""
_LARGEST = 1 << 28
"""Bytes of an answer that are read: a page of objects of half a megabyte each."""
_LARGEST_REFUSAL = 1 << 16
_SHOWN = 500
_GRACE = 2.0
"""The clock difference in seconds that is corrected; servers only give whole seconds."""
_FIRST, _MOST = 1.0, 10.0
"""Seconds between two attempts to get new credentials: the first pause, and the longest."""
_REFUSALS = frozenset({401, 403, 404})
"""What a server answers that hides its version."""
_ANONYMOUS = 'User "system:anonymous"'


class Status(msgspec.Struct, frozen=True):
    """The body of the response to a refused request."""

    message: str = ""
    code: int = 0


class ClusterConnection:
    """Requests to one API server, from any number of threads.

    Without `kubeconfigs` the pod's own service account is used. Credentials are read again when
    they expire and when the server does not accept them any more, with a backoff. No request is
    sent without credentials. Raises ConnectError when no server can be determined.
    """

    def __init__(
        self,
        kubeconfigs: kubeconfig.Files = (),
        context: str = "",
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._kubeconfigs, self._context, self._clock = (
            kubeconfig.files_of(kubeconfigs),
            context,
            clock,
        )
        self._lock = threading.Lock()
        self._renewals = 0
        self._not_before = 0.0
        self._skew = 0.0
        self._ahead = -math.inf, math.inf
        self._credentials = Credentials({})
        self._missing = ""
        try:
            self._client = self._load()
        except CredentialsError as error:
            self._note(error)
            self._client = self._made(Credentials({}))

    @property
    def host(self) -> str:
        """The URL of the server."""
        return str(self._client.configuration.host)

    def now(self) -> int:
        """The server's time in ms: local time, corrected when the clocks differ by seconds."""
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
        patience: float = _PATIENCE,
        endless: bool = False,
    ) -> Iterator[urllib3.BaseHTTPResponse]:
        """The response, to be read within the context.

        `silence` is the read timeout in seconds, `patience` the time in all, of which the body has
        none when it is `endless`.
        Raises ApiError for a status of 300 or more, UnreachableError when the response does not
        come or breaks off, CredentialsError when there are no credentials at the moment.
        """
        import urllib3  # noqa: PLC0415 - slow, for live clusters alone

        client = self._usable()
        sent = self._clock()
        try:
            fields = urllib3.HTTPHeaderDict({"Accept": "application/json", **(headers or {})})
            fields.extend(_login(client, method))
            fields.extend(self._credentials.impersonation)
            with within(patience) as deadline:
                answer = client.rest_client.request(
                    method,
                    f"{self.host}{path}{'?' + urlencode(query) if query else ''}",
                    headers=fields,
                    body=body,
                    _request_timeout=(_CONNECT_SECONDS, silence),
                )
            if endless:
                deadline.lift()
            response: urllib3.BaseHTTPResponse = answer.response
            try:
                self._compare_clocks(response, sent)
                if response.status >= 400:
                    self._refuse(response)
                if response.status >= 300:
                    raise ApiError(response.status, _redirect(f"{self.host}{path}", response))
                self._renewals = 0
                yield response
            finally:
                response.close()  # read to its end, it can be reused
        except (OSError, urllib3.exceptions.HTTPError, self._exception) as error:
            if _is_tls(error):  # certificates may have been replaced, also those of the server
                self._renew()
            raise UnreachableError(reason(error)) from error
        finally:
            if client is not self._client:  # a replaced client keeps no connections
                client.rest_client.close()

    def probe(self) -> None:
        """Return when the server answers as an API server does, if only that it must not say.

        Raises UnreachableError, which names the server, within some seconds, and CredentialsError.
        """
        server = f"the API server {without_login(self.host)}"
        try:
            answer = self.fetch("/version", patience=_PROBE_SECONDS)
            msgspec.json.decode(answer, type=dict[str, msgspec.Raw])
        except ApiError as error:
            if error.code not in _REFUSALS:
                raise UnreachableError(f"{server} answers {error.code}: {error}") from error
        except UnreachableError as error:
            raise UnreachableError(f"{server} does not answer: {error}") from error
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            raise UnreachableError(f"{server} does not answer with its version: {error}") from error

    def close(self) -> None:
        """Close the idle connections."""
        self._client.rest_client.close()

    def fetch(self, path: str, query: Mapping[str, str | int] | None = None, **more: Any) -> bytes:
        """The whole body of a response. Raises the errors of `request`."""
        with self.request(path, query, **more) as response:
            body = response.read(_LARGEST + 1)
        if len(body) > _LARGEST:
            raise UnreachableError(f"its answer to {path} is longer than {_LARGEST >> 20} MB")
        if not body:
            raise UnreachableError(f"its answer to {path} is empty")
        return body

    def _load(self) -> Any:
        """A client with the present credentials."""
        if not self._kubeconfigs:
            return self._made(Credentials({}))
        context = kubeconfig.read(self._kubeconfigs, self._context)
        found = credentials(context, self._clock())
        made = self._made(found, context)
        self._credentials = found
        return made

    def _made(self, found: Credentials, context: Context | None = None) -> Any:
        # Importing the client's models is slow: it is only done when a cluster is configured.
        from kubernetes import client, config  # noqa: PLC0415
        from kubernetes.config.kube_config import KubeConfigLoader  # noqa: PLC0415

        self._exception: type[Exception] = client.ApiException
        settings = client.Configuration()
        load_incluster: Callable[..., None] = config.load_incluster_config
        try:
            if self._kubeconfigs:
                context = context or kubeconfig.read(self._kubeconfigs, self._context)
                document = _reduced(context.cluster, found.user)
                loader: Callable[..., Any] = KubeConfigLoader
                loader(document, config_base_path=str(context.folder)).load_and_set(settings)
            else:
                load_incluster(client_configuration=settings)
            settings.retries = False  # the callers have a backoff of their own
            settings.connection_pool_maxsize = 32
            _try_certificates(settings, found.user.get("client-certificate", ""))
            made = client.ApiClient(settings)
        except config.ConfigException as error:
            raise ConnectError(f"{self._where()}: {error}") from error
        except (OSError, ValueError, TypeError) as error:
            raise ConnectError(f"the kubeconfig cannot be used: {reason(error)}") from error
        keep(made.rest_client.pool_manager)
        return made

    def _where(self) -> str:
        """Where the connection comes from, for an error."""
        if self._kubeconfigs:
            return ", ".join(map(str, self._kubeconfigs))
        return "no kubeconfig ($KUBECONFIG, ~/.kube/config), and not inside a cluster"

    def _usable(self) -> Any:
        """The client. Raises CredentialsError while credentials are missing."""
        if self._missing:
            self._renew()
        elif self._clock() >= self._credentials.expires:
            self._renew(expired=True)
        if self._missing:
            raise CredentialsError(self._missing)
        return self._client

    def _refuse(self, response: urllib3.BaseHTTPResponse) -> None:
        text = response.read(_LARGEST_REFUSAL)
        try:
            message = msgspec.json.decode(text, type=Status).message
        except (msgspec.DecodeError, RecursionError):
            message = text[:200].decode(errors="replace").strip()
        message = shorten(message, _SHOWN, placeholder=" ...")
        if response.status == 401 or (response.status == 403 and _ANONYMOUS in message):
            self._renew()
            if self._missing:
                raise CredentialsError(self._missing)
        after = response.headers.get("Retry-After", "")
        wait = float(after) if after.isdecimal() else 0.0
        raise ApiError(response.status, message or str(response.reason), wait)

    def _renew(self, *, expired: bool = False) -> None:
        """Read the credentials again, after a backoff and once for all threads."""
        with self._lock:
            if time.monotonic() < self._not_before:
                return
            before = self._credentials
            try:
                client = self._load()
            except ConnectError as error:
                self._note(error)
                return
            self._missing = ""
            self._wait()
            if expired and before.user == self._credentials.user:
                return
            self.close()
            self._client = client

    def _note(self, error: ConnectError) -> None:
        self._missing = str(error)
        self._wait()

    def _wait(self) -> None:
        longest = min(_MOST, _FIRST * 2.0**self._renewals)
        self._renewals = min(self._renewals + 1, 30)
        self._not_before = time.monotonic() + random.uniform(longest / 2, longest)

    def _compare_clocks(self, response: urllib3.BaseHTTPResponse, sent: float) -> None:
        """Narrow the bounds of the clock difference: the server only gives whole seconds."""
        second = math.nan
        with suppress(ValueError, OverflowError):  # no date, or none that there is
            second = parsedate_to_datetime(response.headers.get("Date", "")).timestamp()
        if math.isnan(second):
            return
        low, high = second - self._clock(), second + 1.0 - sent
        before = self._ahead
        if low <= before[1] and before[0] <= high:
            low, high = max(low, before[0]), min(high, before[1])
        self._ahead = low, high
        self._skew = (low + high) / 2 if low > _GRACE or high < -_GRACE else 0.0


def _redirect(asked: str, response: urllib3.BaseHTTPResponse) -> str:
    """What a redirect is called: an API server sends nobody elsewhere, a login page does."""
    to = response.headers.get("Location", "")
    where = shorten(printable(urljoin(asked, to)), _SHOWN, placeholder=" ...") if to else "nowhere"
    return without_login(f"{asked} redirects to {where}")


def _reduced(cluster: Mapping[str, Any], user: Mapping[str, Any]) -> dict[str, Any]:
    """A kubeconfig with one context."""
    return {
        "current-context": "one",
        "contexts": [{"name": "one", "context": {"cluster": "one", "user": "one"}}],
        "clusters": [{"name": "one", "cluster": dict(cluster)}],
        "users": [{"name": "one", "user": dict(user)}],
    }


def _login(client: Any, method: str) -> dict[str, str]:
    """The authentication headers; an expired token of a service account is read again."""
    fields: dict[str, str] = {}
    try:
        client.update_params_for_auth(fields, [], ["BearerToken"], "", method, None)
    except Exception as error:  # each kind of authentication has its own errors
        raise CredentialsError(f"no credentials: {reason(error)}") from error
    found = {name: text.strip() for name, text in fields.items()}
    for name, text in found.items():
        if not (text.isascii() and text.isprintable()):
            raise CredentialsError(f"no credentials: {name} has a character that is never in one")
    return found


def _is_tls(error: BaseException) -> bool:
    """Whether this side or the server did not accept a certificate."""
    import urllib3  # noqa: PLC0415 - slow, for live clusters alone

    found: BaseException | None = error
    while found is not None:
        if isinstance(found, ssl.SSLError | urllib3.exceptions.SSLError):
            return True
        found = found.__cause__ or found.__context__
    return False


def _try_certificates(settings: Any, name: str) -> None:
    """Raise ConnectError for an authority, CredentialsError for a user, that TLS cannot use.

    A certificate without a file of this `name` stands in a kubeconfig, or comes from a plugin.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    try:
        if settings.ssl_ca_cert:
            context.load_verify_locations(settings.ssl_ca_cert)
    except ssl.SSLError as error:
        raise ConnectError(f"certificate-authority is not in PEM: {reason(error)}") from error
    try:
        if settings.cert_file:
            context.load_cert_chain(settings.cert_file, settings.key_file, password="")
            require_valid(Path(settings.cert_file))
    except ssl.SSLError as error:
        why = f"not in PEM, or they do not match: {reason(error)}"
        raise CredentialsError(f"no credentials: client certificate and key: {why}") from error
    except OSError as error:
        where = name or "client-certificate-data"
        raise CredentialsError(f"no credentials: {where}: {error.strerror}") from error
