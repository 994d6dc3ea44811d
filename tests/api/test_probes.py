"""The server for probes answers probes alone."""

from __future__ import annotations

import json
from urllib.error import HTTPError
from urllib.request import urlopen

import pytest

from pipeline.api.probes import Probes
from pipeline.api.server import Server


def test_probes_are_answered_and_nothing_else() -> None:
    reason = ["starting"]
    probes = Probes(lambda _: "", lambda: reason[0], notes=lambda: {"cluster": ["away"]})
    with Server("127.0.0.1:0", probes) as server:
        with urlopen(f"{server.url}/live") as page:
            assert json.load(page) == {"status": "alive"}
        with pytest.raises(HTTPError) as caught:
            urlopen(f"{server.url}/ready")
        assert caught.value.code == 503
        assert json.load(caught.value)["reason"] == "starting"
        caught.value.close()
        reason[0] = ""
        with urlopen(f"{server.url}/ready") as page:
            assert json.load(page) == {"status": "ready", "cluster": ["away"]}
        for path in ("/metrics", "/healthz", "/readyz", "/api/v0/series", "/"):
            with pytest.raises(HTTPError, match="404") as caught:
                urlopen(f"{server.url}{path}")
            caught.value.close()
