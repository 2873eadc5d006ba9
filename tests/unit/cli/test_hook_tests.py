"""`egxds hooks test`, and `egxds validate -c` where hooks are Python objects: what they print, with which exit code."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from egxds.cli.application import application
from tests.extension_server.handle import ExtensionHandle
from tests.ports import free_port
from tests.unit.cli.test_commands import GOOD

HOOKS = """\
class Words:
    async def virtual_host(self, host, context):
        host.response_headers_to_add.add().header.key = "x-word"
        host.response_headers_to_add[0].header.value = "{word}"
        {then}
        return host
"""


def run(*arguments: str | Path) -> Result:
    """Run a command in this process, standard output and standard error apart."""
    return CliRunner().invoke(application, [str(argument) for argument in arguments])


class Place:
    """A directory with a settings file, routes and hooks.

    Attributes:
        config: the settings file.
        golden: where golden files are.
    """

    def __init__(self, directory: Path) -> None:
        self.config = directory / "egxds.yaml"
        self.golden = directory / "golden"
        self._directory = directory
        (directory / "routes").mkdir()
        self.write("routes/shop.yaml", GOOD)

    def write(self, name: str, text: str) -> None:
        """Write a file."""
        (self._directory / name).write_text(text)

    def set_up(self, service: dict[str, Any], hook: str = "VirtualHost") -> None:
        """Write the settings."""
        managers = [{"name": "words", "service": service, "hooks": {"xdsTranslator": {"post": [hook]}}}]
        sources = {"files": {"paths": ["routes/"]}}
        self.write("egxds.yaml", json.dumps({"sources": sources, "extensionManagers": managers}))

    def set_up_hooks(self, module: str, text: str) -> None:
        """Write hooks, and settings that name them; a module is loaded once in a process, so each has its own name."""
        self.write(f"{module}.py", text)
        self.set_up({"python": f"{module}:Words", "path": ["."]})


@pytest.fixture
def place(tmp_path: Path) -> Place:
    """A directory with one host."""
    return Place(tmp_path)


def hooks(word: str = "one", then: str = "pass") -> str:
    """Return hooks that add a header, and do something more then."""
    return HOOKS.format(word=word, then=then)


def test_each_call_is_printed_with_what_it_changed(place: Place) -> None:
    """As lines for people, from the settings' own sources or others, and as data."""
    place.set_up_hooks("words_printed", hooks())
    result = run("hooks", "test", "-c", place.config)
    lines = result.stdout.splitlines()
    assert (result.exit_code, lines[0]) == (0, "Gateway default/web: accepted, 1 calls")
    assert lines[1] == "  VirtualHost hook of extension words on default/web/http/*: changed"
    assert "    +    key: x-word" in lines
    assert (
        run("hooks", "test", "-c", place.config, place.config.parent / "routes" / "shop.yaml").stdout == result.stdout
    )
    (item,) = json.loads(run("hooks", "test", "-c", place.config, "-o", "json").stdout)["items"]
    (call,) = item["calls"]
    assert (item["gateway"], call["subject"], call["result"]) == ("default/web", "default/web/http/*", "changed")
    assert "+    value: one" in call["difference"]


REFUSED = {
    "another name": ("host.name = 'other'", "it is named 'other' and not 'default/web/http/*'"),
    "a rule of Envoy": ("del host.domains[:]", "domains"),
    "a reference to nothing": ("host.routes[0].route.cluster = 'nobody'", "nobody"),
    "an exception": ("raise ValueError('no word')", "no word"),
}


@pytest.mark.parametrize(("then", "why"), REFUSED.values(), ids=REFUSED)
def test_what_was_refused_is_printed_with_the_reason(place: Place, then: str, why: str) -> None:
    """It is a finding."""
    place.set_up_hooks(f"words_{then.encode().hex()}", hooks(then=then))
    result = run("hooks", "test", "-c", place.config)
    assert result.exit_code == 1
    assert "hook of extension words on default/web/http/*: failed" in result.stdout
    assert why in result.stdout


def test_golden_files(place: Place) -> None:
    """They are written once, and then compared with; what is written and is gone differs, too."""
    place.set_up_hooks("words_golden", hooks())
    options = ("hooks", "test", "-c", place.config, "--golden", place.golden)
    assert run(*options).exit_code == 1
    assert run(*options, "--update").exit_code == 0
    assert [path.name for path in place.golden.iterdir()] == ["default_web.yaml"]
    assert run(*options).exit_code == 0
    place.set_up_hooks("words_golden_2", hooks("two"))
    result = run(*options)
    assert (result.exit_code, "-  - '+    value: one'" in result.stderr, "+  - '+    value: two'" in result.stderr) == (
        1,
        True,
        True,
    )
    place.write("routes/shop.yaml", GOOD.replace("name: web", "name: shop"))
    result = run(*options)
    assert (result.exit_code, "default_web.yaml: differs" in result.stderr) == (1, True)
    assert run(*options, "--update").exit_code == 0
    assert [path.name for path in place.golden.iterdir()] == ["default_shop.yaml"]


def test_a_failure_that_is_meant_can_be_golden(place: Place) -> None:
    """What counts is whether anything differs."""
    place.set_up_hooks("words_meant", hooks(then="raise ValueError('not this one')"))
    options = ("hooks", "test", "-c", place.config, "--golden", place.golden)
    assert [run(*options, "--update").exit_code, run(*options).exit_code] == [0, 0]


def test_a_server_that_is_up_is_asked(place: Place) -> None:
    """One that is not is a finding."""
    with ExtensionHandle.start() as extension:
        place.set_up(extension.service)
        result = run("hooks", "test", "-c", place.config)
        assert (result.exit_code, "+    key: x-ext-vhost" in result.stdout) == (0, True)
    place.set_up({"ip": {"address": "127.0.0.1", "port": free_port()}})
    result = run("hooks", "test", "-c", place.config)
    assert (result.exit_code, "no connection to 127.0.0.1:" in result.stdout) == (1, True)


def test_what_cannot_be_tested(place: Place, tmp_path: Path) -> None:
    """Usage errors are 2; files with errors, and hooks that cannot be loaded, are findings."""
    place.set_up_hooks("words_usage", hooks())
    assert run("hooks", "test", "-c", tmp_path / "nothing.yaml").exit_code == 2
    assert run("hooks", "test", "-c", place.config, "--update").exit_code == 2
    place.write("routes/bad.yaml", "kind: [")
    result = run("hooks", "test", "-c", place.config)
    assert (result.exit_code, "bad.yaml:1:" in result.stderr) == (1, True)
    place.set_up_hooks("words_unloaded", "def virtual_host(:\n")
    assert run("hooks", "test", "-c", place.config).exit_code == 1


FAULTS = {
    "syntax": ("import re\nclass Words(:\n    pass\n", 2),
    "an exception": ("import re\n\nraise ValueError('no words today')\n", 3),
    "an import of its own": ("\n\n\nimport nothing_of_the_kind\n", 4),
}


@pytest.mark.parametrize(("text", "line"), FAULTS.values(), ids=FAULTS)
def test_validate_loads_hooks(place: Place, text: str, line: int) -> None:
    """What cannot be loaded is an error with its file and line."""
    module = f"words_faulty_{line}"
    place.set_up_hooks(module, text)
    result = run("validate", "-c", place.config, place.config.parent / "routes")
    assert result.exit_code == 1
    assert f"{module}.py:{line}: error: service.python of extension words: {module}:Words" in result.stdout
    assert "1 errors" in result.stderr


def test_validate_asks_no_server_and_takes_hooks_that_are_fine(place: Place) -> None:
    """Whether a server is up is no matter of files."""
    place.set_up({"ip": {"address": "127.0.0.1", "port": free_port()}})
    assert run("validate", "-c", place.config, place.config.parent / "routes").exit_code == 0
    place.set_up_hooks("words_fine", hooks())
    assert run("validate", "-c", place.config, place.config.parent / "routes").exit_code == 0
