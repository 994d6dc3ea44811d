from __future__ import annotations

import json

from discovery.findings import Findings
from discovery.freshness import Stale
from discovery.proposals import Proposal
from discovery.render import as_json, as_table

ONE = Proposal(
    name="EXT:AWS_S3_eu-west-3",
    cidrs=["3.5.204.0/22", "3.5.224.0/22"],
    opened=2048,
    provider="AWS",
    service="S3",
    region="eu-west-3",
    list="AWS 2026-10-26",
    ports=("443/TCP", "8443/TCP", "9443/TCP"),
    flows=1234,
    bytes=1_234_567,
    addresses=("3.5.205.38",),
)
OTHER = Proposal(name="EXT:ip_8_8_8_8", cidrs=["8.8.8.8/32"], opened=1, addresses=("8.8.8.8",))
STALE = Stale("S3", "AWS", "S3", "eu-west-3", "AWS 2026", ("1.0.0.0/8",), ())


def test_a_table_and_its_evidence() -> None:
    text = as_table(Findings([ONE, OTHER], [STALE], ["AWS 2026-10-26"], ["of a day"]), 100)
    assert (
        text
        == """\
name                  CIDRs            seen  opened  port                  flows    bytes
EXT:AWS_S3_eu-west-3  3.5.204.0/22 +1     1   2,048  443/TCP, 8443/TCP +1  1,234  1.2 MiB
EXT:ip_8_8_8_8        8.8.8.8/32          1       1                            0      0 B

EXT:AWS_S3_eu-west-3
  AWS S3 eu-west-3 (list: AWS 2026-10-26); opens 2,048 addresses, 1 seen

EXT:ip_8_8_8_8
  in no list of ranges; opens 1 address, 1 seen

note: label "S3" is AWS S3 eu-west-3 (list: AWS 2026) and lacks 1 range: 1.0.0.0/8
note: of a day
"""
    )


def test_it_fits_a_terminal() -> None:
    text = as_table(Findings([ONE, OTHER], [STALE], [], ["many words " * 30]), 60)
    assert max(map(len, text.splitlines())) <= 60
    assert "2,048" in text


def test_a_limit_is_told() -> None:
    text = as_table(Findings([ONE, OTHER]), limit=1)
    assert "EXT:ip" not in text
    assert text.endswith("\nnote: 1 more proposal (--limit 0 shows all)\n")


def test_nothing_is_said() -> None:
    assert as_table(Findings([])) == "note: no address is without a name\n"


def test_names_move_no_cursor() -> None:
    evil = Proposal(name="x", cidrs=["8.8.8.8/32"], opened=1, provider="\x1b[2J\u202e", list="\n")
    assert as_table(Findings([evil])).replace("\n", "").isprintable()
    text = as_json(Findings([evil]))
    assert text.replace("\n", "").isprintable()
    assert json.loads(text)["proposals"][0]["provider"] == "\x1b[2J\u202e"


def test_json_has_all() -> None:
    document = json.loads(as_json(Findings([ONE], [STALE], ["AWS"], ["a note"])))
    assert document["proposals"][0]["cidrs"] == ONE.cidrs
    assert document["stale"][0]["lacking"] == ["1.0.0.0/8"]
    assert (document["lists"], document["notes"]) == (["AWS"], ["a note"])
