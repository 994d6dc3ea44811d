"""Templates in a file."""

import struct
from pathlib import Path

import pytest

from pipeline.decode.splitting import Damaged
from pipeline.netflow import saved
from pipeline.netflow.exporters import Exporters
from pipeline.netflow.payload import address
from pipeline.stage import Unmeasured
from tests.support import netflow
from tests.support.netflow import Flow

ONE = address("192.0.2.1")


def test_what_was_known_is_known_again(tmp_path: Path) -> None:
    before, after = Exporters("in", Unmeasured()), Exporters("in", Unmeasured())
    said = netflow.flowset(3, netflow.options(512, 1, [(149, 4), (34, 4)], 10))
    rate = netflow.flowset(512, struct.pack(">II", 1, 100))
    template = netflow.flowset(2, netflow.template(256), netflow.template(257, [(7, 2, 29)]))
    before.payloads(netflow.ipfix(said, rate, template), ONE, 0)
    file = saved.path(tmp_path / "state", "in/first")
    saved.save(file, before)
    assert file.stat().st_mode & 0o777 == 0o600
    saved.load(file, after)
    assert after.known[ONE].templates == before.known[ONE].templates
    data = netflow.ipfix(netflow.flowset(256, Flow().record()))
    assert after.payloads(data, ONE, 0) == before.payloads(data, ONE, 0)
    assert not any(isinstance(one, Damaged) for one in after.payloads(data, ONE, 0))


def test_without_a_file_nothing_is_known(tmp_path: Path) -> None:
    known = Exporters("in", Unmeasured())
    saved.load(tmp_path / "no.templates", known)
    assert known.known == {}


def test_a_damaged_file_is_told_and_passed_over(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    known = Exporters("in", Unmeasured())
    file = saved.path(tmp_path, "in")
    saved.save(file, known)
    file.write_bytes(file.read_bytes()[:-1])
    saved.load(file, known)
    assert known.known == {}
    assert "flows wait for new templates" in caplog.text
