"""Files that people published, which once gave something else than they expect.

Each goes through the command, as it is; the source is beside it.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

import pytest

from pipeline import config
from pipeline.app.job import Job
from pipeline.diagnostics import ConfigError

COMMAND = Path(sys.executable).with_name("flowmatrix")
FLOW_METRIC = """
apiVersion: flows.netobserv.io/v1alpha1
kind: FlowMetric
metadata: {name: NAME, namespace: netobserv}
spec: {SPEC}
"""
NATIVE = """
stages:
- {name: in, type: ingest_file, path: flows.json, decoder: json}
- {name: metrics, type: flow_metrics, follows: in, files: [fm.yaml]}
- {name: expose, type: encode_prometheus, follows: metrics, prefix: netobserv_}
"""


def flow_metric(name: str, spec: str) -> str:
    return FLOW_METRIC.replace("NAME", name).replace("SPEC", spec)


def written(folder: Path, files: Mapping[str, str]) -> Path:
    for name, text in files.items():
        (folder / name).write_text(text, encoding="utf-8")
    return folder / next(iter(files))


def samples(path: Path, name: str) -> list[str]:
    """The samples of a metric after one run."""
    job = Job(config.load(path, environ={}))
    job.run()
    return [line for line in job.exposer.final().splitlines() if line.startswith(name)]


def test_a_histogram_and_counters_of_its_samples(tmp_path: Path) -> None:
    """prometheus/client_golang#108, prometheus/statsd_exporter#456: counters were lost."""
    path = written(
        tmp_path,
        {
            "c.yaml": NATIVE,
            "flows.json": "",
            "fm.yaml": "---".join(
                [
                    flow_metric(
                        "rtt", "metricName: rtt_seconds, type: Histogram, valueField: TimeFlowRttNs"
                    ),
                    flow_metric("rtt-count", "metricName: rtt_seconds_count, type: Counter"),
                ]
            ),
        },
    )
    with pytest.raises(ConfigError) as refused:
        config.load(path, environ={})
    (problem,) = refused.value.problems
    assert f"{tmp_path}/fm.yaml:10:" in str(problem)
    assert f'both expose the metric "rtt_seconds_count", see {tmp_path}/fm.yaml:2:1' in str(problem)


RTT = '{"Proto":6,"TimeFlowRttNs":4000000}\n{"Proto":6,"TimeFlowRttNs":5000000000}\n'
FLP = """
pipeline: [{name: in}, {name: prom, follows: in}]
parameters:
- {name: in, ingest: {type: file, file: {filename: flows.json, decoder: {type: json}}}}
- {name: prom, encode: {type: prom, prom: {prefix: netobserv_, metrics: [METRIC]}}}
"""


@pytest.mark.parametrize("bound", ["+Inf", '"+Inf"', ".inf", "1e999", "Infinity", '"inf"'])
@pytest.mark.parametrize("form", ["custom resource", "native", "flowlogs-pipeline"])
def test_a_bucket_of_infinity(tmp_path: Path, form: str, bound: str) -> None:
    """micrometer-metrics/micrometer#2485, prometheus/prometheus#19425: it is there anyway."""
    resource = (
        'metricName: rtt_seconds, type: Histogram, valueField: TimeFlowRttNs, divider: "1e9",'
        f' labels: [Proto], buckets: ["0.01", "0.1", {bound}]'
    )
    metric = f"name: rtt_seconds, type: histogram, labels: [Proto], buckets: [0.01, 0.1, {bound}]"
    native = (
        "stages:\n- {name: in, type: ingest_file, path: flows.json, decoder: json}\n"
        "- {name: expose, type: encode_prometheus, follows: in, prefix: netobserv_,"
        f" metrics: [{{{metric}, value: TimeFlowRttNs, divider: 1e9}}]}}\n"
    )
    configs = {
        "custom resource": NATIVE,
        "native": native,
        "flowlogs-pipeline": FLP.replace(
            "METRIC", f"{{{metric}, valueKey: TimeFlowRttNs, valueScale: 1e9}}"
        ),
    }
    files = {"c.yaml": configs[form], "flows.json": RTT, "fm.yaml": flow_metric("rtt", resource)}
    assert samples(written(tmp_path, files), "netobserv_rtt_seconds") == [
        'netobserv_rtt_seconds_bucket{Proto="6",le="0.01"} 1',
        'netobserv_rtt_seconds_bucket{Proto="6",le="0.1"} 1',
        'netobserv_rtt_seconds_bucket{Proto="6",le="+Inf"} 2',
        'netobserv_rtt_seconds_sum{Proto="6"} 5.004',
        'netobserv_rtt_seconds_count{Proto="6"} 2',
    ]


def test_regular_expressions_are_those_of_go(tmp_path: Path) -> None:
    """pomsky-lang/pomsky#116, rust-lang/regex#85."""
    patterns = {"a": r"^\Qapi.example.org\E$", "b": r"^\w+\.org$", "c": "tmpl-{x}"}
    metrics = ", ".join(
        f"{{name: {name}, type: counter, labels: [DnsName], filters: "
        f"[{{key: DnsName, type: match_regex, value: '{pattern}'}}]}}"
        for name, pattern in patterns.items()
    )
    names = ["api.example.org", "exämple.org", "tmpl-{x}"]
    flows = "".join(f'{{"DnsName":"{name}"}}\n' for name in names)
    path = written(tmp_path, {"c.yaml": FLP.replace("METRIC", metrics), "flows.json": flows})
    assert samples(path, "netobserv_") == [
        'netobserv_a{DnsName="api.example.org"} 1',
        'netobserv_c{DnsName="tmpl-{x}"} 1',
    ]


def test_an_expiry_of_zero_is_the_default(tmp_path: Path) -> None:
    """netobserv/network-observability-cli, res/metrics-pipeline-config.json: nothing is set."""
    document = """{"log-level":"info","metricsSettings":{"port":19460},"dynamicParameters":{},
     "parameters":[
      {"name":"in","ingest":{"type":"file","file":{"filename":"flows.json","decoder":{"type":"json"}}}},
      {"name":"prom","encode":{"type":"prom","prom":{"prefix":"n_","expiryTime":"0s","metrics":[
       {"name":"flows_total","type":"counter","filters":[],"valueKey":"","labels":["Proto"]}]}}}],
     "pipeline":[{"name":"in"},{"name":"prom","follows":"in"}]}"""
    path = written(tmp_path, {"c.json": document, "flows.json": '{"Proto":6}\n'})
    job = Job(config.load(path, environ={}))
    job.run()
    policies = [policy for _, policy in job.plan.families.values()]
    assert [policy.expiry for policy in policies] == [120.0]
    (table,) = job.counts.tables()
    assert (table.shown(time.time() + 60), table.shown(time.time() + 300)) == (1, 0)


def test_native_series_never_expire_with_zero(tmp_path: Path) -> None:
    text = (
        "stages:\n- {name: in, type: ingest_stdin, decoder: json}\n"
        "- {name: e, type: encode_prometheus, follows: in, expiry: 0s, metrics: [{name: a}]}\n"
    )
    path = written(tmp_path, {"c.yaml": text})
    done = subprocess.run([COMMAND, "validate", path], capture_output=True, text=True, check=True)
    assert "c.yaml:3:59: warning: " in done.stderr
    assert "with 0, series never expire" in done.stderr
    (policy,) = [policy for _, policy in Job(config.load(path, environ={})).plan.families.values()]
    assert policy.expiry == float("inf")
