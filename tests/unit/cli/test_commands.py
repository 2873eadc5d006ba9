"""The commands that need no daemon: what they print, where, and with which exit code."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner, Result

from egxds import __version__
from egxds.cli.application import application

GOOD = """\
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {name: web}
spec:
  gatewayClassName: egxds
  listeners: [{name: http, port: 8080, protocol: HTTP}]
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: hello}
spec:
  parentRefs: [{name: web}]
  rules: [{backendRefs: [{group: gateway.envoyproxy.io, kind: Backend, name: hello}]}]
---
apiVersion: gateway.envoyproxy.io/v1alpha1
kind: Backend
metadata: {name: hello}
spec: {endpoints: [{ip: {address: 127.0.0.1, port: 3000}}]}
"""
SETTINGS = "sources: {files: {paths: [routes/]}}\nxds: {address: 127.0.0.1:18000}\n"


def run(*arguments: str | Path) -> Result:
    """Run a command in this process, standard output and standard error apart."""
    return CliRunner().invoke(application, [str(argument) for argument in arguments])


@pytest.fixture
def good(tmp_path: Path) -> Path:
    """A file without a fault."""
    path = tmp_path / "good.yaml"
    path.write_text(GOOD)
    return path


def test_version() -> None:
    """`--version` says which egxds this is."""
    assert run("--version").stdout == f"egxds {__version__}\n"


def test_two_gateways_on_one_port_are_fine_for_envoys_of_their_own(tmp_path: Path) -> None:
    """Who takes the whole class is told; the files are fine (kubernetes-sigs/gateway-api issue 4161)."""
    gateway = GOOD.partition("---\n")[0]
    (tmp_path / "two.yaml").write_text(f"{gateway}---\n{gateway.replace('name: web', 'name: other')}")
    result = run("validate", tmp_path)
    assert result.exit_code == 0
    assert (
        "two.yaml:6: warning: Gateway default/web: 0.0.0.0 port 8080 belongs to Gateway default/other" in result.stdout
    )
    assert "an Envoy of this Gateway does" in result.stdout


def test_validate_says_nothing_of_good_files(good: Path) -> None:
    """No finding: nothing on standard output, a summary apart, exit 0."""
    result = run("validate", good)
    assert (result.exit_code, result.stdout) == (0, "")
    assert result.stderr == "egxds: 3 objects, 0 errors, 0 warnings\n"


def test_validate_names_file_and_line_of_every_error(good: Path) -> None:
    """Each finding is a line that an editor can jump to; exit 1."""
    good.write_text(GOOD.replace("port: 8080", "port: 808080").replace("name: hello}]}]", "name: helo}]}]"))
    result = run("validate", good)
    assert result.exit_code == 1
    places = [line.split(": ")[0] for line in result.stdout.splitlines()]
    assert f"{good}:6" in places, result.stdout
    assert all(line.startswith(str(good)) for line in result.stdout.splitlines()), result.stdout


def test_validate_fails_for_warnings_only_when_asked(good: Path) -> None:
    """An unknown field is a warning: exit 0, and 1 with --strict."""
    good.write_text(GOOD.replace("parentRefs:", "rulez: []\n  parentRefs:"))
    assert run("validate", good).exit_code == 0
    strict = run("validate", "--strict", good)
    assert strict.exit_code == 1
    assert "did you mean" in strict.stdout


def test_validate_says_what_of_the_settings_is_other_than_in_envoy_gateway(good: Path) -> None:
    """With the key that changes it; it is none of the problems of the files."""
    config = good.with_name("egxds.conf")
    hooks = "{xdsTranslator: {pre: [Route], post: [Route]}}"
    config.write_text(f"{SETTINGS}extensionManager: {{hooks: {hooks}, service: {{host: a}}, failOpen: false}}\n")
    result = run("validate", "--strict", "-c", config, good)
    assert result.exit_code == 0
    first, second, _ = result.stderr.splitlines()
    assert first.startswith(f"egxds: {config}: warning: extensionManager.hooks.xdsTranslator.pre: no hook is called")
    assert second.startswith(f"egxds: {config}: warning: extensionManager.failOpen: false holds back the update")
    assert "onFailure: hold" in second


def test_validate_fails_for_a_backend_that_leads_to_the_admin_page(tmp_path: Path) -> None:
    """With file and line of the Backend and of the route; without a settings file the default ports are known."""
    files, settings = tmp_path / "routes.yaml", tmp_path / "egxds.yaml"
    files.write_text(GOOD.replace("port: 3000", "port: 19000"))
    settings.write_text(f"{SETTINGS}backends: {{allowedAddresses: ['127.0.0.1:19000']}}\n")
    result = run("validate", files)
    assert result.exit_code == 1
    assert "routes.yaml:18: error: Backend default/hello: 127.0.0.1:19000 is Envoy's admin page" in result.stdout
    assert "routes.yaml:13: error: HTTPRoute default/hello" in result.stdout
    assert run("validate", files, "-c", settings).exit_code == 0


def test_validate_names_unix_sockets_when_it_is_strict(tmp_path: Path) -> None:
    """They are allowed, and a way to more than the network."""
    files = tmp_path / "routes.yaml"
    files.write_text(GOOD.replace("ip: {address: 127.0.0.1, port: 3000}", "unix: {path: /run/app.sock}"))
    assert run("validate", files).exit_code == 0
    strict = run("validate", "--strict", files)
    assert strict.exit_code == 1
    assert "the Unix socket '/run/app.sock'" in strict.stdout


def test_bootstrap_says_which_admin_port_is_not_closed(tmp_path: Path) -> None:
    """What it prints is one thing, and what backends may lead to another."""
    settings = tmp_path / "egxds.yaml"
    settings.write_text(SETTINGS)
    arguments = ("bootstrap", "-c", settings, "--gateway", "default/web")
    assert run(*arguments).stderr == ""
    result = run(*arguments, "--envoy-admin-port", "9901")
    assert (result.exit_code, "list 9901 in backends.envoyAdminPorts" in result.stderr) == (0, True)
    settings.write_text(f"{SETTINGS}backends: {{envoyAdminPorts: [9901]}}\n")
    assert run(*arguments, "--envoy-admin-port", "9901").stderr == ""


def test_validate_reports_a_path_that_does_not_exist(tmp_path: Path) -> None:
    """A path without a file is a finding, not a crash."""
    result = run("validate", tmp_path / "nowhere")
    assert result.exit_code == 1
    assert "nowhere" in result.stdout


def test_translate_prints_resources_by_gateway_and_type(good: Path) -> None:
    """Everything under the Gateway's name; the names are Envoy Gateway's."""
    result = run("translate", good)
    assert result.exit_code == 0
    gateway = yaml.safe_load(result.stdout)["default/web"]
    assert sorted(gateway) == ["clusters", "endpoints", "extensions", "listeners", "routes"]
    assert gateway["clusters"][0]["name"] == "httproute/default/hello/rule/0"


def test_translate_prints_one_type_as_json(good: Path) -> None:
    """`-t` chooses the type, `-o` the form."""
    gateway = json.loads(run("translate", good, "-t", "route", "-o", "json").stdout)["default/web"]
    assert list(gateway) == ["routes"]
    assert gateway["routes"][0]["name"] == "default/web/http"


def test_translate_prints_equal_bytes_for_equal_files(good: Path) -> None:
    """The order of documents changes nothing."""
    before = run("translate", good).stdout
    good.write_text("---\n".join(reversed(GOOD.split("---\n"))))
    assert run("translate", good).stdout == before


def test_bootstrap_needs_to_know_what_the_envoy_serves(tmp_path: Path) -> None:
    """Neither or both selectors is a usage error."""
    settings = tmp_path / "egxds.yaml"
    settings.write_text(SETTINGS)
    both = ("--gateway", "default/web", "--gateway-class", "egxds")
    for arguments in ((), both, ("--gateway", "web")):
        result = run("bootstrap", "-c", settings, *arguments)
        assert (result.exit_code, result.stdout) == (2, ""), arguments
        assert result.stderr.startswith("egxds: "), arguments


@pytest.mark.parametrize(
    ("option", "value"), [("--gateway", "default/web"), ("--gateway-class", "egxds")], ids=["gateway", "class"]
)
def test_bootstrap_prints_an_envoy_configuration(tmp_path: Path, option: str, value: str) -> None:
    """`node.cluster` is what the Envoy serves."""
    settings = tmp_path / "egxds.yaml"
    settings.write_text(SETTINGS)
    result = run("bootstrap", "-c", settings, option, value, "--node-id", "edge-1")
    assert yaml.safe_load(result.stdout)["node"] == {"id": "edge-1", "cluster": value}


def test_bootstrap_carries_what_the_gateway_asks_of_its_machinery(tmp_path: Path) -> None:
    """Labels and annotations are the Envoy's `node.metadata`, for whoever sees that (GatewayInfrastructure)."""
    settings, routes = tmp_path / "egxds.yaml", tmp_path / "routes"
    settings.write_text(SETTINGS)
    routes.mkdir()
    asked = "infrastructure: {labels: {team: shop}, annotations: {a.test/b: c}}"
    (routes / "web.yaml").write_text(GOOD.replace("gatewayClassName: egxds", f"gatewayClassName: egxds\n  {asked}"))
    result = run("bootstrap", "-c", settings, "--gateway", "default/web", "--node-id", "edge-1")
    metadata = {"labels": {"team": "shop"}, "annotations": {"a.test/b": "c"}}
    assert yaml.safe_load(result.stdout)["node"] == {"id": "edge-1", "cluster": "default/web", "metadata": metadata}
    without = run("bootstrap", "-c", settings, "--gateway", "default/other", "--node-id", "edge-1")
    assert "metadata" not in yaml.safe_load(without.stdout)["node"]


@pytest.mark.parametrize("command", ["serve", "up", "bootstrap"])
def test_faulty_settings_are_all_named_and_end_the_command(tmp_path: Path, command: str) -> None:
    """Every fault of the settings file at once, with file and line; exit 2."""
    settings = tmp_path / "egxds.yaml"
    settings.write_text("sources: {files: {paths: [routes/]}}\nxsd: {}\nadmin: {address: 5}\n")
    result = run(command, "-c", settings, *(("--gateway", "default/web") if command == "bootstrap" else ()))
    assert result.exit_code == 2
    assert f"{settings}:2" in result.stderr
    assert f"{settings}:3" in result.stderr


def test_settings_that_cannot_be_read_end_the_command(tmp_path: Path) -> None:
    """A file that is not there is named."""
    result = run("serve", "-c", tmp_path / "egxds.yaml")
    assert result.exit_code == 2
    assert str(tmp_path / "egxds.yaml") in result.stderr


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_shells_complete_commands_and_options(shell: str) -> None:
    """`egxds completion` prints what the shell reads; what it asks is answered without a daemon's code."""
    script = run("completion", shell)
    assert script.exit_code == 0
    assert "_EGXDS_COMPLETE" in script.stdout
    typed = {
        "_EGXDS_COMPLETE": f"{shell}_complete",
        "COMP_WORDS": "egxds cli",
        "COMP_CWORD": "cli" if shell == "fish" else "1",
    }
    answer = CliRunner().invoke(application, [], prog_name="egxds", env=typed)
    assert "clients" in answer.stdout


@pytest.mark.parametrize(
    "words", [["validate"], ["clients"], ["hooks"], ["hooks", "test"], ["extension", "new"]], ids=" ".join
)
def test_help_says_the_exit_statuses(words: list[str]) -> None:
    """Those of commands that ask a daemon have one more."""
    said = " ".join(run(*words, "-h").stdout.split())
    assert "Exit status: 0 fine, 1 findings, or cannot do it, 2 usage" in said
    assert ("3 the daemon was not reached" in said) == (words in (["clients"], ["hooks"]))


def test_validate_reads_standard_input(good: Path) -> None:
    """`-` is a file like any other, and called so; other files beside it go by their whole paths."""
    gateway, route, backend = GOOD.split("---\n")
    good.write_text(f"{gateway}---\n{backend}")
    alone = CliRunner().invoke(application, ["validate", "-"], input=route)
    said = "-:5: warning: HTTPRoute default/hello: no accepted document defines Gateway default/web\n"
    assert (alone.exit_code, alone.stdout) == (0, said)
    both = CliRunner().invoke(application, ["validate", "-", str(good)], input=route)
    assert (both.exit_code, both.stdout) == (0, "")
    translated = CliRunner().invoke(application, ["translate", "-"], input=GOOD)
    assert list(yaml.safe_load(translated.stdout)) == ["default/web"]


@pytest.mark.parametrize(
    ("text", "said"),
    [(b"", ""), (b"\x00\x01", "-:1: error: a NUL byte"), (b"\xff", "-:1: error: "), (b"a: [", "-:1: error: ")],
    ids=["nothing", "binary", "latin", "half"],
)
def test_validate_of_no_yaml(text: bytes, said: str) -> None:
    """Whatever comes in, the answer is a line."""
    result = CliRunner().invoke(application, ["validate", "-"], input=text)
    assert (result.exit_code, result.stdout.startswith(said)) == (int(bool(said)), True)
    assert result.stdout.count("\n") == int(bool(said))


def test_validate_prints_data(good: Path) -> None:
    """As JSON and YAML the same as in lines."""
    good.write_text(GOOD.replace("port: 8080", "port: 808080"))
    found = json.loads(run("validate", "-o", "json", good).stdout)
    assert yaml.safe_load(run("validate", "-o", "yaml", good).stdout) == found
    assert (found["objects"], found["errors"], found["warnings"]) == (2, 1, 1)
    first = found["items"][0]
    assert (first["severity"], first["file"], first["line"]) == ("error", str(good), 6)
    assert first["object"] == "Gateway default/web"


def test_validate_prints_sarif(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is required of a log by sections 3.13, 3.14, 3.18, 3.27 and 3.29 of SARIF 2.1.0; places are URIs."""
    (tmp_path / "a b.yaml").write_text(GOOD.replace("port: 8080", "port: 808080"))
    monkeypatch.chdir(tmp_path)
    result = run("validate", "-o", "sarif", "a b.yaml", "nowhere")
    log = json.loads(result.stdout)
    (done,) = log["runs"]
    assert (result.exit_code, log["version"]) == (1, "2.1.0")
    assert (done["tool"]["driver"]["name"], done["tool"]["driver"]["version"]) == ("egxds", __version__)
    rules = {rule["id"] for rule in done["tool"]["driver"]["rules"]}
    places = [place["physicalLocation"] for one in done["results"] for place in one["locations"]]
    assert {one["level"] for one in done["results"]} <= {"error", "warning", "note"}
    assert {one["ruleId"] for one in done["results"]} <= rules
    assert all(one["message"]["text"] for one in done["results"])
    assert {"artifactLocation": {"uri": "a%20b.yaml"}, "region": {"startLine": 6}} in places
    assert {"artifactLocation": {"uri": "nowhere"}} in places


BAD_FILES: dict[str, bytes | None] = {
    "nowhere": None,
    "empty": b"",
    "binary": b"\x7fELF\x00\xff",
    "latin": b"# \xe4",
    "half": b"a: [",
    "list": b"[1]",
    "nested": b"[" * 2000,
}
READERS = {
    "serve": ["serve", "-c"],
    "bootstrap": ["bootstrap", "--gateway", "a/b", "-c"],
    "validate": ["validate", "-c"],
    "hooks test": ["hooks", "test", "-c"],
    "clients": ["clients", "-c"],
    "hooks": ["hooks", "-c"],
    "dump": ["dump", "-c"],
    "healthcheck": ["healthcheck", "-c"],
}


@pytest.mark.parametrize(
    "content", [*BAD_FILES.values(), b"directory", b"/dev/zero"], ids=[*BAD_FILES, "dir", "endless"]
)
@pytest.mark.parametrize("words", READERS.values(), ids=READERS)
def test_what_is_no_settings_file(tmp_path: Path, words: list[str], content: bytes | None) -> None:
    """Each command says in lines what is wrong with it, and exits as for any other mistake of whoever typed it."""
    path = tmp_path / "egxds.yaml"
    if content == b"directory":
        path.mkdir()
    elif content == b"/dev/zero":
        path = Path("/dev/zero")
    elif content is not None:
        path.write_bytes(content)
    result = run(*words, path)
    assert (result.exit_code, result.stdout) == (2, "")
    assert str(path) in result.stderr


@pytest.mark.parametrize("command", ["validate", "translate"])
@pytest.mark.parametrize("content", BAD_FILES.values(), ids=BAD_FILES)
def test_what_are_no_objects(tmp_path: Path, command: str, content: bytes | None) -> None:
    """They are findings, and never a traceback."""
    path = tmp_path / "routes.yaml"
    if content is not None:
        path.write_bytes(content)
    result = run(command, path)
    assert result.exit_code == int(content != b"")
    assert isinstance(result.exception, SystemExit | None)
