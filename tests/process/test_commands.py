"""Commands whose output nobody takes: no traceback, a message where something is wrong, and an exit status."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.envoy.processes import ROOT
from tests.envoy.workspace import Workspace

FULL = "egxds: cannot write to standard output: No space left on device\n"
CLOSED = "egxds: cannot write to standard output: Bad file descriptor\n"
LIMIT_S = 60


def run(shell: str, workspace: Workspace) -> tuple[int, str]:
    """Run a command line of a shell, in which `egxds` is ours and `$1` the files; return its status and messages."""
    script = f"egxds() {{ '{sys.executable}' -m egxds \"$@\"; }}; set -o pipefail; {shell}"
    command = ["/bin/bash", "-c", script, "bash", str(workspace.routes), str(workspace.root / "egxds.yaml")]
    (workspace.root / "egxds.yaml").write_text('{"sources": {"files": {"paths": ["routes"]}}}')
    done = subprocess.run(command, cwd=ROOT, stderr=subprocess.PIPE, timeout=LIMIT_S, check=False)
    return done.returncode, done.stderr.decode()


COMMANDS = ["translate $1", "translate -o json $1", "bootstrap -c $2 --gateway default/web", "--help", "--version"]


@pytest.mark.parametrize("command", COMMANDS)
def test_reader_that_has_enough(workspace: Workspace, command: str) -> None:
    """Into a closed pipe they end as other programs do: quietly, with 141."""
    assert run(f"egxds {command} | true", workspace) == (141, "")


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize(("target", "message"), [(">/dev/full", FULL), (">&-", CLOSED)])
def test_output_that_cannot_be_written(workspace: Workspace, command: str, target: str, message: str) -> None:
    """A full disk and a closed output are said, and are a failure."""
    assert run(f"egxds {command} {target}", workspace) == (1, message)


@pytest.mark.parametrize("target", ["2>&-", "2>/dev/full"])
def test_messages_that_cannot_be_written(workspace: Workspace, target: str) -> None:
    """The exit status says all the same what there is to say."""
    workspace.write("bad.yaml", "kind: [")
    assert run(f"egxds validate $1 >/dev/null {target}", workspace) == (1, "")
    assert run(f"egxds bootstrap -c /does/not/exist --gateway a/b {target}", workspace) == (2, "")
    assert run(f"egxds clients --admin 127.0.0.1:1 {target}", workspace) == (3, "")


def test_findings_into_a_closed_pipe(workspace: Workspace) -> None:
    """A reader of findings that has enough is no finding."""
    workspace.write("bad.yaml", "kind: [")
    status, _ = run("egxds validate $1 | true", workspace)
    assert status == 141


def test_names_that_the_locale_cannot_write(workspace: Workspace) -> None:
    """They are escaped in what is printed."""
    workspace.write("bäd.yaml", "kind: [")
    status, _ = run("LC_ALL=C PYTHONUTF8=0 PYTHONCOERCECLOCALE=0 egxds validate $1 >/dev/null", workspace)
    assert status == 1


@pytest.mark.parametrize("command", ["validate $1", "translate routes"])
def test_working_directory_that_is_gone(workspace: Workspace, command: str) -> None:
    """It is said, without a traceback."""
    gone = f"mkdir {workspace.root}/gone; cd {workspace.root}/gone; rmdir {workspace.root}/gone"
    status, said = run(f"export PYTHONPATH={ROOT}; {gone}; egxds {command}", workspace)
    message = "egxds: the working directory cannot be used (No such file or directory): change to another\n"
    assert (status, said) == (2, message)
