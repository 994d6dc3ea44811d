"""Label values of all Unicode, and long ones: a real Prometheus reads back what was counted."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from random import Random
from tempfile import mkdtemp

from pipeline import config
from pipeline.app.job import Job
from tests.attack.tally import Size, Tally
from tests.real.prometheus import Prometheus, promtool

_CONFIG = """\
stages:
- {{name: in, type: ingest_file, path: {path}, decoder: json}}
- name: count
  type: encode_prometheus
  follows: in
  metrics:
  - {{name: attacked, value: Bytes, labels: [DnsName, Udn]}}
"""
_LETTERS = [number for number in range(0x110000) if not 0xD800 <= number < 0xE000]
_SYNTAX = ('"', "\\", "\n", '\\"', "\\n", "\\\\n", '"} 1\nother{a="', "#", "# EOF", "{", "}", ",")
_MB = 1 << 20


def attacks(size: Size) -> Iterator[Tally]:
    """Each kind of attack with its tally."""
    draw = Random(13)
    blocks = [_LETTERS[at : at + 256] for at in range(0, len(_LETTERS), 256)]
    every = ["".join(map(chr, block)) for block in blocks]
    alone = [chr(number) for number in _LETTERS[: size.of(0x300, 0x10000)]]
    mixed = ["".join(draw.choices(_SYNTAX, k=6)) for _ in range(size.of(2_000, 40_000))]
    edges = [*_SYNTAX, " ", "  a  ", "\t", "a" * 65_536]
    yield _read_back("all of Unicode, 256 letters a value", size.folder, every)
    yield _read_back("one letter a value", size.folder, alone)
    yield _read_back("the syntax of the exposition", size.folder, mixed + edges)
    yield _read_back("a megabyte a value", size.folder, ["é" * _MB, '"' * _MB, "\\\n" * _MB])


def _read_back(attack: str, folder: Path, values: list[str]) -> Tally:
    """Each value is a label of two, beside an empty one, with as many bytes as its number says."""
    tally = Tally(attack)
    recording, path = folder / "flows.json", folder / "exposition.yaml"
    path.write_text(_CONFIG.format(path=recording))
    wanted: Counter[tuple[str, str]] = Counter()
    lines = []
    for number, value in enumerate(values):
        for pair in ((value, ""), (f"x{value}", value[::-1])):
            wanted[pair] += number
            flow = {"DnsName": pair[0], "Udn": pair[1], "Bytes": number, "Proto": 6}
            lines.append(json.dumps(flow) + "\n")
    recording.write_text("".join(lines))
    job = Job(config.load(path))
    job.run()
    linted = promtool("check", "metrics", text=job.exposer.page(["attacked"]))
    if "error while linting" in linted.stderr:
        tally.fault(f"promtool: {linted.stderr}")
    with tally.step("scrape"):
        found = _scraped(job, folder, len(wanted))
        tally.add("read back", sum(found[pair] == count for pair, count in wanted.items()))
        for pair in wanted.keys() | found.keys():
            if wanted[pair] != found[pair]:
                tally.fault(f"{pair!r:.300}: {wanted[pair]} counted, {found[pair]} read back")
    return tally


def _scraped(job: Job, folder: Path, series: int) -> Counter[tuple[str, str]]:
    """What Prometheus has of the metric, after it has scraped all series."""
    with job.server("127.0.0.1:0") as server:
        target = {
            "job_name": "flowmatrix",
            "scrape_interval": "5s",
            "scrape_timeout": "5s",
            "static_configs": [{"targets": [server.url.removeprefix("http://")]}],
        }
        data = Path(mkdtemp(dir=folder))
        with Prometheus({"scrape_configs": [target]}, data) as prometheus:
            prometheus.wait("count(attacked)", seconds=60)
            samples = prometheus.wait("attacked", lambda found: len(found) == series)
    found: Counter[tuple[str, str]] = Counter()
    for sample in samples:
        found[sample.labels.get("DnsName", ""), sample.labels.get("Udn", "")] += int(sample.value)
    return found
