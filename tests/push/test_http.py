"""What is refused of a way to a server."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest
from msgspec.structs import replace

from pipeline.kafka.connection import Tls
from pipeline.push.http import Authorization, BasicAuth, Http, OAuth2, problems

TOKENS = OAuth2(token_url="https://sso.example/token", client_id="flowmatrix")  # noqa: S106 - a URL


@pytest.mark.parametrize(
    ("http", "message"),
    [
        (Http(basic_auth=BasicAuth(), authorization=Authorization(credentials_file="f")),
         "give one of basic_auth and authorization"),
        (Http(basic_auth=BasicAuth(username="u", username_file="f")),
         "give one of username and username_file"),
        (Http(basic_auth=BasicAuth(password="p", password_file="f")),  # noqa: S106
         "give one of password and password_file"),
        (Http(authorization=Authorization(credentials="c", credentials_file="f")),
         "give one of credentials and credentials_file"),
        (Http(authorization=Authorization()), 'missing field "credentials_file"'),
        (Http(basic_auth=BasicAuth(), oauth2=TOKENS), "give one of basic_auth and oauth2"),
        (Http(oauth2=replace(TOKENS, client_secret="a", client_secret_file="b")),  # noqa: S106
         "give one of client_secret and client_secret_file"),
        (Http(oauth2=replace(TOKENS, endpoint_params={"scope": "a"})),
         '"scope" has a field of its own'),
        (Http(oauth2=replace(TOKENS, tls=Tls(cert="c"))), "cert and key go together"),
    ],
)  # fmt: skip
def test_problems(http: Http, message: str) -> None:
    (problem,) = problems(http, Path())
    assert problem.message == message


def test_what_is_fine() -> None:
    assert list(problems(Http(), Path())) == []
    assert list(problems(Http(basic_auth=BasicAuth(username="u", password_file="f")), Path())) == []  # noqa: S106


@pytest.mark.parametrize("proxy", ["proxy:3128", "http://u:p@proxy", "socks5://proxy"])
def test_proxies_that_are_refused(proxy: str) -> None:
    with pytest.raises(msgspec.ValidationError, match="matching regex"):
        msgspec.convert({"proxy": proxy}, Http)


@pytest.mark.parametrize("changed", [{"token_url": ""}, {"client_id": ""}, {"token_url": "sso"}])
def test_tokens_that_nobody_gives(changed: dict[str, str]) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert({"oauth2": {"token_url": "https://s/t", "client_id": "c"} | changed}, Http)
