"""The HTTP server on a real socket."""

import json
from urllib.error import HTTPError
from urllib.request import urlopen

import pytest

from pipeline.exposition import CONTENT_TYPE
from pipeline.runtime.http import Answers, Server


def test_every_path() -> None:
    reason = ["starting"]
    answers = Answers(lambda: "x 1\n", lambda: reason[0], {"series": lambda: [1, 2]})
    with Server("127.0.0.1:0", answers) as server:
        with urlopen(f"{server.url}/metrics") as page:
            assert (page.headers["Content-Type"], page.read()) == (CONTENT_TYPE, b"x 1\n")
        with urlopen(f"{server.url}/healthz") as page:
            assert json.load(page) == {"status": "alive"}
        with urlopen(f"{server.url}/api/v0/series?x=1") as page:
            assert json.load(page) == [1, 2]
        with pytest.raises(HTTPError) as caught:
            urlopen(f"{server.url}/readyz")
        assert caught.value.code == 503
        assert json.load(caught.value) == {"status": "not ready", "reason": "starting"}
        caught.value.close()
        reason[0] = ""
        with urlopen(f"{server.url}/readyz") as page:
            assert json.load(page) == {"status": "ready"}
        with pytest.raises(HTTPError, match="404") as caught:
            urlopen(f"{server.url}/nowhere")
        caught.value.close()


def test_a_page_that_fails_is_an_answer() -> None:
    def broken() -> str:
        raise ValueError("no metrics today")

    with Server("127.0.0.1:0", Answers(broken, lambda: "")) as server:
        with pytest.raises(HTTPError, match="500") as caught:
            urlopen(f"{server.url}/metrics")
        assert json.load(caught.value) == {"error": "no metrics today"}
        caught.value.close()
