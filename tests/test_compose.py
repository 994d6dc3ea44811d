"""The dev stack as far as it can be checked where no containers run."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml
from typer.testing import CliRunner

from pipeline import config
from pipeline.cli.app import app
from tests.kafka.support.reading import read
from tests.real import compose
from tests.real.kafka import Kafka
from tests.real.listeners import Security
from tests.real.prometheus import promtool

pytestmark = pytest.mark.real

ROOT = Path(__file__).parent.parent
BASE = "docker-compose.yml"
STACKS = {
    "flowmatrix": [BASE],
    "tls": [BASE, "compose/compose.tls.yml"],
    "sasl": [BASE, "compose/compose.sasl.yml"],
}
COMMAND = Path(sys.executable).with_name("flowmatrix")
MADE = {"compose/tls/secrets"}
"""What compose/tls/make-certificates.sh makes."""


@pytest.fixture(params=STACKS)
def stack(request: pytest.FixtureRequest) -> tuple[str, dict[str, Any]]:
    """The folder of a pipeline below compose/, and the stack that runs it."""
    return request.param, compose.project(ROOT, STACKS[request.param])


Stack = tuple[str, dict[str, Any]]


def test_a_mistake_would_be_found(tmp_path: Path) -> None:
    (tmp_path / BASE).write_text("services: {a: {image: i, replicas: 2}}")
    with pytest.raises(ValueError, match="additional properties 'replicas' not allowed"):
        compose.project(tmp_path, [BASE])


def test_services(stack: Stack) -> None:
    _, found = stack
    services = found["services"]
    assert set(services) == {"kafka", "simulator", "worker", "page", "prometheus", "grafana"}
    assert services["worker"]["deploy"]["replicas"] == 2
    for service in services.values():
        assert re.search(r":v?\d+\.\d+\.\d+$", service["image"]), "an exact version"
        assert service["restart"] == "unless-stopped"
        for port in service.get("ports", []):
            assert port["host_ip"] == "127.0.0.1"
    for name in ("worker", "simulator", "page"):
        assert services[name]["read_only"] is True
        assert services[name]["cap_drop"] == ["ALL"]
        assert services[name]["depends_on"]["kafka"]["condition"] == "service_healthy"


def test_what_is_mounted_is_there(stack: Stack) -> None:
    _, found = stack
    for service in found["services"].values():
        for mount in service.get("volumes", []):
            if mount["type"] == "volume":
                assert mount["source"] in found["volumes"]
                continue
            path = Path(mount["source"]).relative_to(ROOT)
            assert mount["read_only"] is True
            assert (ROOT / path).exists() or str(path.parent) in MADE


def test_the_commands_of_the_services(stack: Stack) -> None:
    name, found = stack
    services = found["services"]
    run, pipeline, listen = services["worker"]["command"]
    assert (run, listen) == ("run", "--listen=0.0.0.0:9102")
    assert pipeline == f"/flowmatrix/compose/{name}/pipeline.yaml"
    options = dict(o.removeprefix("--").split("=") for o in services["simulator"]["command"][2:])
    loaded = config.load(local(pipeline), {"KAFKA": services["worker"]["environment"]["KAFKA"]})
    assert not [w for w in loaded.warnings if "cardinality" not in str(w)]
    source = msgspec.to_builtins(loaded.stages[0])
    assert source["brokers"] == [options["kafka"]]
    assert source["topics"] == [options["topic"]]
    security = local(options["security"]) if "security" in options else None
    wanted = yaml.safe_load(security.read_text()) if security else {}
    written = yaml.safe_load(local(pipeline).read_text())["stages"][0]
    kept = {key: written[key] for key in ("tls", "sasl") if key in written}
    assert kept == wanted
    assert security is None or security.parent == local(pipeline).parent
    done = CliRunner().invoke(app, ["simulate", "reference", "--help"])
    assert {f"--{option}" for option in options} <= set(re.findall(r"--\w+", done.output))


def test_the_page_asks_every_worker_with_their_token(stack: Stack) -> None:
    _, found = stack
    worker, command = found["services"]["worker"], found["services"]["page"]["command"]
    options = [tuple(option.removeprefix("--").split("=")) for option in command[1:]]
    servers = [value for name, value in options if name == "server"]
    replicas = range(1, worker["deploy"]["replicas"] + 1)
    assert servers == [f"http://{found['name']}-worker-{number}:9102" for number in replicas]
    token = worker["environment"]["TOKEN_FILE"]
    assert {("token-file", token), ("admit", token)} <= set(options)
    assert local(token).read_text().strip()
    done = CliRunner().invoke(app, ["page", "--help"])
    assert {f"--{name}" for name, _ in options} <= set(re.findall(r"--[a-z-]+", done.output))


def local(path: str) -> Path:
    """The file that a container sees under this path."""
    return ROOT / path.removeprefix("/flowmatrix/")


def test_pipelines_differ_in_how_they_reach_kafka() -> None:
    pipelines = {
        name: yaml.safe_load((ROOT / "compose" / name / "pipeline.yaml").read_text())
        for name in STACKS
    }
    sources = {name: pipeline["stages"].pop(0) for name, pipeline in pipelines.items()}
    assert pipelines["tls"] == pipelines["sasl"] == pipelines["flowmatrix"]
    for name in ("tls", "sasl"):
        assert sources[name] == sources["flowmatrix"] | {name: sources[name][name]}
    reference = yaml.safe_load((ROOT / "configs/reference/reference.yaml").read_text())["stages"]
    labels = pipelines["flowmatrix"]["stages"][1]["labels"]
    assert labels == reference[2]["labels"]


@pytest.mark.parametrize("name", ["tls", "sasl"])
def test_the_security_of_an_overlay_on_a_real_broker(
    name: str, new_kafka: Callable[[Security | None], Kafka], tmp_path: Path
) -> None:
    folder = tmp_path / "compose" / name
    shutil.copytree(ROOT / "compose" / name, folder, ignore=shutil.ignore_patterns("secrets"))
    if name == "tls":
        subprocess.run([folder / "make-certificates.sh"], check=True)
    environment = compose.project(ROOT, STACKS[name])["services"]["kafka"]["environment"]
    lines = {prop(key): value for key, value in environment.items()}
    names = dict(item.split(":") for item in lines["listener.security.protocol.map"].split(","))
    settings = {
        key: value.replace("/etc/kafka/secrets", f"{folder}/secrets/kafka")
        for key, value in lines.items()
        if key.startswith(("listener.name.client.", "sasl."))
    }
    broker = new_kafka(Security(names["CLIENT"], settings))
    arguments = ["simulate", "cluster", "--topic", "network-flows", "--partitions", "2"]
    arguments += ["--kafka", broker.secure, "--flows", "3000"]
    arguments += ["--security", str(folder / "security.yaml")]
    done = subprocess.run([COMMAND, *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert len(read(broker.bootstrap, "network-flows", 3000)) == 3000


def prop(variable: str) -> str:
    """The property that the image makes of an environment variable."""
    text = variable.removeprefix("KAFKA_").lower()
    return text.replace("___", "-").replace("__", "\0").replace("_", ".").replace("\0", "_")


def test_prometheus_accepts_its_configuration() -> None:
    path = ROOT / "compose" / "prometheus" / "prometheus.yml"
    done = promtool("check", "config", str(path))
    assert done.returncode == 0, done.stderr
    (job,) = yaml.safe_load(path.read_text())["scrape_configs"]
    assert job["honor_labels"] is True
    assert job["dns_sd_configs"][0]["names"] == ["worker"]
    assert job["dns_sd_configs"][0]["port"] == 9102


def test_grafana_finds_its_dashboard_and_prometheus() -> None:
    services = compose.project(ROOT, [BASE])["services"]
    mounts = {m["target"]: Path(m["source"]) for m in services["grafana"]["volumes"]}
    provisioning = mounts["/etc/grafana/provisioning"]
    (source,) = yaml.safe_load((provisioning / "datasources" / "prometheus.yaml").read_text())[
        "datasources"
    ]
    assert source["url"] == "http://prometheus:9090"
    (provider,) = yaml.safe_load((provisioning / "dashboards" / "dashboards.yaml").read_text())[
        "providers"
    ]
    dashboards = mounts[provider["options"]["path"]]
    home = Path(services["grafana"]["environment"]["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"])
    assert str(home.parent) == provider["options"]["path"]
    dashboard = msgspec.json.decode((dashboards / home.name).read_bytes())
    used = {panel["datasource"]["uid"] for panel in dashboard["panels"] if "datasource" in panel}
    assert used == {source["uid"]}


def test_the_image() -> None:
    text = re.sub(r"\\\n", " ", (ROOT / "Dockerfile").read_text())
    lines = [line.split(None, 1) for line in text.splitlines() if line and line[0] not in "# "]
    bases = [argument.split()[0] for word, argument in lines if word == "FROM"]
    assert len(set(bases)) == 1
    assert re.fullmatch(r"python:3\.11\.\d+-slim-\w+", bases[0])
    words = [word for word, _ in lines]
    final = dict(lines[len(words) - words[::-1].index("FROM") :])
    user, _, group = final["USER"].partition(":")
    assert int(user) > 0
    assert int(group) > 0
    assert final["ENTRYPOINT"] == '["flowmatrix"]'
    assert "ADD" not in words
    copied = {
        name
        for word, argument in lines
        if word == "COPY" and not argument.startswith("--from")
        for name in argument.split()[:-1]
    }
    ignored = (ROOT / ".dockerignore").read_text().splitlines()
    assert copied == {line[1:] for line in ignored if line.startswith("!")}
    assert all((ROOT / name).exists() for name in copied)
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    packages = project["tool"]["setuptools"]["packages"]["find"]["include"]
    assert {name.rstrip("*") for name in packages} <= copied, "the command imports all of them"
