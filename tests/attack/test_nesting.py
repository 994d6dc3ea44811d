"""JSON of many levels from others: an error or nothing, and never a traceback."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from discovery import vendors
from pipeline.cli.app import app
from pipeline.diagnostics import ConfigError, Problem
from pipeline.kube.index import keys
from pipeline.kube.inventory import file as inventory

DEEP = ('{"a":' * 50_000, '{"a":' * 50_000 + "1" + "}" * 50_000, "[" * 50_000 + "]" * 50_000)


@pytest.mark.parametrize("text", DEEP)
def test_an_inventory_is_a_problem(text: str, tmp_path: Path) -> None:
    for beginning in ("", '{"kind":"Pod"}\n', '{"kind":"List","items":'):
        (tmp_path / "i.json").write_text(beginning + text)
        problems = list[Problem]()
        assert list(inventory.read(tmp_path / "i.json", problems)) == []
        assert problems


@pytest.mark.parametrize("text", DEEP)
def test_a_list_of_ranges_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match=r"r\.json: error: "):
        vendors.listing(text.encode(), "r.json")


@pytest.mark.parametrize("text", DEEP)
def test_annotations_of_pods_and_nodes_are_left_out(text: str) -> None:
    """Whoever may annotate a pod could end the thread that enriches."""
    statuses = f'[{{"name":"n","more":{text}}}]'
    indexed = [keys.Secondary(interface=True)]
    assert list(keys.pod_attachments({keys.NETWORK_STATUS: statuses}, indexed)) == []
    networks = f'{{"n":{{"ip_address":"10.0.0.1/8","more":{text}}}}}'
    assert list(keys.pod_networks({keys.POD_NETWORKS: networks})) == []
    assert keys.management_addresses({keys.NODE_SUBNETS: f'{{"default":{text}}}'}) == ()


@pytest.mark.parametrize("command", ["charts", "validate", "operator-config", "health-rules"])
def test_commands_refuse_a_file(command: str, tmp_path: Path) -> None:
    for text in DEEP:
        (tmp_path / "f.yaml").write_text(text)
        done = CliRunner().invoke(app, [command, str(tmp_path / "f.yaml")])
        assert done.exit_code == 78, done.output
        assert "nested deeper than" in done.output
