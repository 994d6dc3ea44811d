"""Tokens of OAuth 2 for a client with a secret: the grant `client_credentials` (RFC 6749, 4.4)."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from pathlib import Path
from urllib.parse import quote_plus, urlencode

from oauthlib.oauth2 import BackendApplicationClient, OAuth2Error

from pipeline.diagnostics import printable
from pipeline.push.destination import UnavailableError
from pipeline.push.http import OAuth2
from pipeline.push.http_login import content, encoded
from pipeline.push.http_requests import Answer, Requests

_EARLY = 10.0
"""So many seconds before it expires a token is not used any more; Go's client does the same."""
_FORM = {"Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json"}


class Tokens:
    """A token while it is good, and then another. Used by one thread.

    The client logs in to the token endpoint by a header, and where that is not accepted by the form
    of its request; a secret in a file is read for each token.
    """

    def __init__(
        self,
        settings: OAuth2,
        folder: Path,
        timeout: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._settings, self._folder, self._clock = settings, folder, clock
        self._requests = Requests(settings, folder, timeout)
        self._in_form = False
        self._header: Mapping[str, str] = {}
        self._until = 0.0

    def header(self) -> Mapping[str, str]:
        """The header with a token that is good. Raises UnavailableError where none is given."""
        if not self._header or self._clock() >= self._until:
            asked = self._clock()
            answer = self._ask()
            if 400 <= answer.status < 500 and not self._in_form:
                self._in_form = True
                other = self._ask()
                self._in_form = other.status < 300
                answer = other if self._in_form else answer
            self._take(answer, asked)
        return self._header

    def renew(self) -> bool:
        """The token is not good any more: the next header has another."""
        self._header = {}
        return True

    def close(self) -> None:
        """End the connections."""
        self._requests.close()

    def _ask(self) -> Answer:
        own = self._settings
        secret = own.client_secret or content(self._folder, own.client_secret_file)
        parameters = dict(own.endpoint_params)
        client = BackendApplicationClient(own.client_id)
        client.grant_type = parameters.pop("grant_type", client.grant_type)
        login = {} if self._in_form else {"Authorization": _basic(own.client_id, secret)}
        body = client.prepare_request_body(
            urlencode(parameters),
            scope=" ".join(own.scopes),
            include_client_id=self._in_form,
            **({"client_secret": secret} if self._in_form and secret else {}),
        )
        return self._requests.post(own.token_url, body.encode(), _FORM | login)

    def _take(self, answer: Answer, asked: float) -> None:
        where = f"no token from {self._settings.token_url}"
        if not 200 <= answer.status < 300:
            raise UnavailableError(f"{where}: {answer}")
        client = BackendApplicationClient(self._settings.client_id)
        try:
            token = client.parse_request_body_response(answer.body.decode(errors="replace"))
            good = float(token.get("expires_in") or "inf")
        except (OAuth2Error, AttributeError, TypeError, ValueError) as error:
            raise UnavailableError(f"{where}: {printable(str(error))}") from None
        kind, value = token.get("token_type") or "Bearer", token["access_token"]
        header = f"{'Bearer' if kind == 'bearer' else kind} {value}"
        if not (header.isascii() and header.isprintable()):
            raise UnavailableError(f"{where}: what it gives cannot be a header")
        self._header = {"Authorization": header}
        self._until = asked + good - _EARLY


def _basic(name: str, secret: str) -> str:
    """Both are encoded as in a form (RFC 6749, 2.3.1)."""
    return encoded(quote_plus(name), quote_plus(secret))
