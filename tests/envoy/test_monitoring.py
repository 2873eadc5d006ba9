"""The alert rules and the dashboard ask for what a daemon shows, and fire on what they are for."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client import Counter, Gauge, Histogram

from egxds.telemetry import Metrics
from egxds.telemetry.asked_gauge import AskedGauge
from tests.envoy.backend import EchoBackend
from tests.envoy.certificates import Authority
from tests.envoy.conftest import StartEnvoy
from tests.envoy.daemon import Daemon
from tests.envoy.manifests import backend as backend_manifest
from tests.envoy.manifests import gateway, http_route, https
from tests.envoy.metrics_page import MetricsPage
from tests.envoy.workspace import Workspace
from tests.ports import free_port

pytestmark = pytest.mark.envoy

FOLDER = Path(__file__).absolute().parents[2] / "config/monitoring"
RULES, RULE_TESTS, DASHBOARD = FOLDER / "alerts.yaml", FOLDER / "alerts_test.yaml", FOLDER / "grafana-dashboard.json"

OF_PROMETHEUS = {"job", "instance", "le", "alertname", "alertstate"}
"""Labels that Prometheus puts on every series, or on those of histograms and alerts."""

_METRIC = re.compile(r"\b((?:egxds|process)_\w+)")
_LABELS = re.compile(r"\b((?:egxds|process)_\w+)\{([^}]*)\}")
_LABEL = re.compile(r"(\w+)\s*(?:=~|!~|!=|=)")
_GROUPED = re.compile(r"\b(?:by|on|without|ignoring)\s*\(([^)]*)\)")

HOOKS = """
class Hooks:
    async def virtual_host(self, host, context):
        return None
"""


def rules() -> list[dict[str, Any]]:
    """Return the alert rules."""
    return [rule for group in yaml.safe_load(RULES.read_text())["groups"] for rule in group["rules"]]


def panels() -> list[dict[str, Any]]:
    """Return the panels of the dashboard that show something."""
    return [panel for panel in json.loads(DASHBOARD.read_text())["panels"] if panel["type"] != "row"]


def expressions() -> Iterator[str]:
    """Yield whatever is asked of Prometheus."""
    yield from (rule["expr"] for rule in rules())
    yield from (target["expr"] for panel in panels() for target in panel["targets"])
    for variable in json.loads(DASHBOARD.read_text())["templating"]["list"]:
        yield from [variable["definition"]] if "definition" in variable else []


def labels_of_metrics() -> dict[str, set[str]]:
    """Return the labels of each metric, by the names under which it is scraped."""
    found: dict[str, set[str]] = {}
    for metric in vars(Metrics()).values():
        if isinstance(metric, AskedGauge):
            found[next(metric.describe()).name] = set(metric.labels)
        elif isinstance(metric, Counter | Gauge | Histogram):
            (family,) = metric.describe()
            for suffix in ("", "_total", "_bucket", "_count", "_sum"):
                found[family.name + suffix] = set(metric._labelnames)
    return found


@pytest.fixture
def page(
    workspace: Workspace, backend: EchoBackend, make_daemon: Callable[..., Daemon], start_envoy: StartEnvoy
) -> MetricsPage:
    """The metrics of a daemon with an extension, a certificate and an Envoy."""
    folder = workspace.root / "hooks"
    folder.mkdir()
    (folder / "quiet_hooks.py").write_text(HOOKS)
    workspace.write("gateway.yaml", gateway("web", https(free_port(), "a.test", "cert")))
    workspace.write("cert.yaml", Authority().issue("a.test").secret("cert"))
    workspace.write("backend.yaml", backend_manifest("echo", backend.port))
    workspace.write("a.yaml", http_route("a", "a.test", "echo", section="https"))
    extension = {
        "name": "quiet",
        "service": {"python": "quiet_hooks:Hooks", "path": [str(folder)]},
        "hooks": {"xdsTranslator": {"post": ["VirtualHost"]}},
    }
    daemon = make_daemon(extensionManagers=[extension])
    daemon.start()
    start_envoy(daemon)
    return MetricsPage(daemon)


@pytest.fixture
def promtool(require: Callable[..., None]) -> Callable[..., str]:
    """Runs promtool, which is to find nothing wrong; returns what it says."""
    require("promtool")

    def run(*arguments: str, stdin: str = "") -> str:
        command = ["promtool", *arguments]
        done = subprocess.run(command, input=stdin, capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    return run


def test_a_real_daemon_shows_every_metric_that_is_asked_for(page: MetricsPage) -> None:
    """Under the name that Prometheus knows it by."""
    shown = {sample for family in page.families() for sample in _names(family.name, family.type)}
    asked = {name for expression in expressions() for name in _METRIC.findall(expression)}
    assert len(asked) > 25
    assert asked - shown == set()


def test_prometheus_finds_nothing_odd_in_the_metrics(page: MetricsPage, promtool: Callable[..., str]) -> None:
    """Names, units, and a sentence for each."""
    promtool("check", "metrics", stdin=page.text())


def test_labels_that_are_asked_for_exist() -> None:
    """A rule that matches a label which no series has never fires, and nobody is told."""
    known = labels_of_metrics()
    for expression in expressions():
        for name, matchers in _LABELS.findall(expression):
            assert set(_LABEL.findall(matchers)) - OF_PROMETHEUS <= known.get(name, set()), expression
        grouped = {label.strip() for labels in _GROUPED.findall(expression) for label in labels.split(",")}
        of_any = set[str]().union(*(known.get(name, set()) for name in _METRIC.findall(expression)))
        assert grouped - OF_PROMETHEUS <= of_any, expression


def test_no_two_alerts_have_one_name() -> None:
    """Who is called at night looks its description up by that."""
    named = [rule["alert"] for rule in rules()]
    assert sorted(named) == sorted(set(named))


def test_an_alert_speaks_of_labels_that_its_series_have() -> None:
    """What is not there is written as nothing."""
    known = labels_of_metrics()
    for rule in rules():
        of_any = set[str]().union(*(known.get(name, set()) for name in _METRIC.findall(rule["expr"])))
        told = set(re.findall(r"\$labels\.(\w+)", json.dumps(rule["annotations"])))
        assert told - OF_PROMETHEUS <= of_any, rule["alert"]
        assert set(rule["annotations"]) == {"summary", "description"}
        assert rule["labels"]["severity"] in {"critical", "warning"}


def test_the_rules_are_well_formed(promtool: Callable[..., str]) -> None:
    """As Prometheus reads them."""
    promtool("check", "rules", str(RULES))


def test_every_alert_fires_when_it_should_and_not_before(promtool: Callable[..., str]) -> None:
    """Each is played at least once; `alerts_test.yaml` says on what."""
    promtool("test", "rules", str(RULE_TESTS))


def test_every_alert_is_played() -> None:
    """One that is in no test of theirs could be one that never fires."""
    played = set(re.findall(r'alertname="(\w+)"', RULE_TESTS.read_text()))
    assert played == {rule["alert"] for rule in rules()}


def test_panels_are_told_apart() -> None:
    """Grafana shows one for each id, and those that overlap on top of each other."""
    ids = [panel["id"] for panel in panels()]
    assert sorted(set(ids)) == sorted(ids)
    cells = [
        (column, line)
        for place in (panel["gridPos"] for panel in panels())
        for column in range(place["x"], place["x"] + place["w"])
        for line in range(place["y"], place["y"] + place["h"])
    ]
    assert len(set(cells)) == len(cells)
    assert max(column for column, _ in cells) < 24


def _names(family: str, kind: str) -> tuple[str, ...]:
    if kind == "counter":
        return (f"{family}_total",)
    return tuple(family + suffix for suffix in ("_bucket", "_count", "_sum")) if kind == "histogram" else (family,)
