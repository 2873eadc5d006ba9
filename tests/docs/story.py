"""Goes through the story of a page as its reader does: the same commands, in a directory of its own, on free ports."""

from __future__ import annotations

import os
import re
import shlex
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from tests.docs.blocks import ROOT, Block
from tests.docs.curl import Request
from tests.envoy.processes import Child
from tests.envoy.waiting import wait_for
from tests.ports import free_port

PORTS = (
    *("8080", "8443", "3000", "3001", "3002", "3003"),
    *("18000", "18001", "19000", "19001", "19002", "19080", "5005", "2379", "2380"),
)
"""The ports that the pages and the project name, and those that commands take where none is named."""

_PORT = re.compile(rf"\b(?:{'|'.join(PORTS)})\b")

_USUAL_SETTINGS = "xds: {address: 127.0.0.1:18000}\nadmin: {address: 127.0.0.1:19080}\n"
"""Of addresses that settings leave to their defaults, where others listen."""

_LIMIT_S = 120.0
_START_LIMIT_S = 60.0


class _Process(Child):
    """A command that the reader has running in a shell of its own."""

    def __init__(self, log: Path) -> None:
        super().__init__(log.stem, log)

    def start(self, command: list[str], directory: Path, environment: dict[str, str]) -> None:
        """Start it in a directory."""
        self.spawn(["/usr/bin/env", "-C", str(directory), *command], environment)


class Reader:
    """Does what a page says, block by block.

    Attributes:
        directory: where the reader is.
    """

    def __init__(self, directory: Path) -> None:
        """Start in an empty directory, with nothing running."""
        self.directory = directory
        self._ports = {usual: _other_port() for usual in PORTS}
        self._logs = directory
        self._running: dict[str, _Process] = {}
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        # mypy does not look where an editable installation keeps its packages.
        self._environment = os.environ | {"PATH": path, "MYPYPATH": str(ROOT), "NO_COLOR": "1"}

    def write(self, name: str, text: str) -> None:
        """Write a file that a page shows whole."""
        path = self.directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(self._on_free_ports(text))

    def follow(self, block: Block) -> None:
        """Do what a block says."""
        verb, _, file = block.detail.partition(" ")
        steps: dict[str, Callable[[str], None]] = {
            "run": self._run_all,
            "start": self._start_all,
            "restart": self._restart,
            "reload": self._reload,
            "answer": self._expect_answer,
            "says": self._expect_output,
            "shell": self._run_script,
            "write": lambda text: self._write(file, text),
            "edit": lambda text: self._edit(file, text),
        }
        steps[verb](block.text)

    def free(self, usual: str) -> str:
        """Return the port that is in the place of one that pages name."""
        return self._ports[usual]

    def discard(self) -> None:
        """End what still runs."""
        for process in self._running.values():
            process.discard()

    def _run_all(self, text: str) -> None:
        for line in text.splitlines():
            command = shlex.split(line)
            if command[0] == "cd":
                self.directory /= command[1]
                self._move_ports()
            else:
                self._run(command)

    def _run(self, command: list[str], statuses: tuple[int, ...] = (0,)) -> str:
        done = subprocess.run(
            command,
            cwd=self.directory,
            env=self._environment,
            capture_output=True,
            text=True,
            timeout=_LIMIT_S,
            check=False,
        )
        assert done.returncode in statuses, (command, done.stdout, done.stderr)
        return done.stdout + done.stderr

    def _run_script(self, text: str) -> None:
        self._run(["sh", "-ec", self._on_free_ports(text)])
        self._move_ports()

    def _write(self, file: str, text: str) -> None:
        given = _USUAL_SETTINGS if file == "egxds.yaml" and "xds:" not in text else ""
        self.write(file, text + given)

    def _move_ports(self) -> None:
        """Have the files of the project, and what a command has written, name free ports."""
        for path in (*self.directory.glob("*.yaml"), *self.directory.glob("routes/*.yaml")):
            text = path.read_text()
            moved = self._on_free_ports(text)
            if moved != text:
                path.write_text(moved)

    def _on_free_ports(self, text: str) -> str:
        # In one go: a free port may have a usual one in it.
        return _PORT.sub(lambda found: self._ports[found[0]], text)

    def _start_all(self, text: str) -> None:
        for line in text.splitlines():
            process = _Process(self._logs / f"process-{len(self._running)}.log")
            self._running[line] = process
            self._start(process, line)

    def _start(self, process: _Process, line: str) -> None:
        command = shlex.split(self._on_free_ports(line))
        # Its admin page is on a port that the page does not name.
        options = ["--envoy-admin-port", str(free_port())] if command[:2] == ["egxds", "up"] else []
        process.start([*command, *options], self.directory, self._environment)

    def _restart(self, text: str) -> None:
        line = text.strip()
        assert self._running[line].stop() == 0
        self._start(self._running[line], line)

    def _reload(self, _text: str) -> None:
        # The page finds the process by its name, of which there may be others on this machine.
        for process in self._running.values():
            process.signal(signal.SIGHUP)

    def _expect_answer(self, text: str) -> None:
        asked, status, *rest = text.splitlines()
        request = Request.of(self._on_free_ports(asked), self.directory)
        end = rest.index("") if "" in rest else len(rest)
        headers, body = "\n".join(rest[:end]), "\n".join(rest[end:])
        expected = dict(line.split(": ", 1) for line in self._on_free_ports(headers).splitlines())

        def answers() -> bool:
            for process in self._running.values():
                process.assert_alive()
            answer = request.send()
            assert answer.status == int(status.split()[1]), answer
            assert expected.items() <= answer.headers.items(), answer
            return answer.text.strip() == body.strip() or not body

        wait_for(answers, text, deadline_s=_START_LIMIT_S)

    def _expect_output(self, text: str) -> None:
        prompt, *lines = self._on_free_ports(text).splitlines()

        def says() -> bool:
            shown = " ".join(self._run(shlex.split(prompt.removeprefix("$ ")), (0, 1)).split())
            assert [line for line in lines if line not in shown] == [], shown
            return True

        wait_for(says, text, deadline_s=_START_LIMIT_S)

    def _edit(self, file: str, diff: str) -> None:
        lines = self._on_free_ports(diff).splitlines()
        before, after = ("\n".join(line[1:] for line in lines if line[0] in (sign, " ")) for sign in "-+")
        path = self.directory / file
        text = path.read_text()
        assert text.count(before) == 1, (before, text)
        draft = path.with_suffix(".draft")
        draft.write_text(text.replace(before, after))
        draft.replace(path)


def _other_port() -> str:
    """Return a free port that is none of the usual ones: what was moved there stays there."""
    port = str(free_port())
    return _other_port() if port in PORTS else port
