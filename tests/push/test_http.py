"""What is refused of a way to a server."""

from __future__ import annotations

import msgspec
import pytest

from pipeline.push.http import Authorization, BasicAuth, Http, problems


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
    ],
)  # fmt: skip
def test_problems(http: Http, message: str) -> None:
    (problem,) = problems(http)
    assert problem.message == message


def test_what_is_fine() -> None:
    assert list(problems(Http())) == []
    assert list(problems(Http(basic_auth=BasicAuth(username="u", password_file="f")))) == []  # noqa: S106


@pytest.mark.parametrize("proxy", ["proxy:3128", "http://u:p@proxy", "socks5://proxy"])
def test_proxies_that_are_refused(proxy: str) -> None:
    with pytest.raises(msgspec.ValidationError, match="matching regex"):
        msgspec.convert({"proxy": proxy}, Http)
