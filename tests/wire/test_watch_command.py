"""`egxds watch` against a running daemon's admin API."""

from __future__ import annotations

import json
import signal
import subprocess
import sys

import anyio
import pytest
from anyio import to_thread
from anyio.abc import TaskGroup
from anyio.streams.text import TextReceiveStream
from click.testing import CliRunner, Result

from egxds.cli.application import application
from egxds.inspect.events.event_log import EventLog, Facts
from egxds.inspect.events.facts import (
    Changed,
    ChangedObjects,
    ChangedResources,
    EnvoysChanged,
    ProblemsChanged,
    Refused,
    Taken,
)
from egxds.inspect.events.listed import Listed
from egxds.inspect.refusals import RefusedResource
from egxds.inspect.status import StatusStore
from egxds.names import LISTENER
from egxds.problems import Location, error
from egxds.sessions.open_streams import Clients
from egxds.settings.daemon import AdminSettings
from egxds.snapshot.store import SnapshotStore
from egxds.snapshot.stores import Stores
from egxds.telemetry import Metrics
from egxds.wire.admin.server import AdminServer
from tests.ports import free_port
from tests.wire.world import World

pytestmark = pytest.mark.anyio

CHANGED = Changed("default/web", 7, None, ChangedObjects(), ChangedResources(), 1.0, 2.0)
TAKEN = Taken("default/web", 7, Listed.of([("one", 12.5)]), 12.5)
NOTHING = Changed("", None, None, ChangedObjects(), ChangedResources(), 1.0, None)
REFUSAL = RefusedResource("one", ("default/web",), LISTENER, "default/web/http", "cannot bind", (), 0.0)
BROKEN = error(Location("routes/a.yaml", 3), "spec: must be a mapping", "HTTPRoute default/a")


@pytest.fixture
def events(world: World) -> EventLog:
    """What happened so far: an Envoy that is connected."""
    log = world.status.events = EventLog("p", lambda _key: None)
    log.add(EnvoysChanged(Listed.of(["one\x1b[2J"]), Listed(), 1), 0.0)
    return log


@pytest.fixture
def admin(events: EventLog, running: AdminServer) -> str:
    """The address of the admin server that runs."""
    return running.address


async def run(*arguments: str) -> Result:
    """Run the command."""
    return await to_thread.run_sync(lambda: CliRunner().invoke(application, ["watch", *arguments]))


async def listeners(events: EventLog) -> None:
    """Wait until somebody listens."""
    with anyio.fail_after(20):
        while not events._listeners:  # noqa: ASYNC110
            await anyio.sleep(0.01)


@pytest.mark.parametrize(
    ("happens", "status"),
    [
        ((CHANGED, TAKEN), 0),
        ((NOTHING,), 0),
        ((CHANGED, Refused(Listed.of([REFUSAL]), Listed())), 1),
        ((ProblemsChanged(Listed.of([BROKEN]), Listed()),), 1),
        ((Refused(Listed(), Listed.of([REFUSAL])), CHANGED, TAKEN), 0),
    ],
    ids=["taken", "nothing is served otherwise", "refused", "a file that is broken", "what is over is no end"],
)
async def test_once(admin: str, events: EventLog, happens: tuple[Facts, ...], status: int) -> None:
    """The status says what came of the next change."""
    async with anyio.create_task_group() as tasks:
        found: list[Result] = []

        async def watch() -> None:
            found.append(await run("--once", "--timeout", "20", "--admin", admin))

        tasks.start_soon(watch)
        await listeners(events)
        for each in happens:
            events.add(each, 0.0)
    assert found[0].exit_code == status


async def test_the_time_is_over(admin: str) -> None:
    """What was asked for is shown until then; with `--once` it is a finding that nothing came."""
    shown = await run("--replay", "5", "--timeout", "3", "--admin", admin)
    assert (shown.exit_code, shown.stderr) == (0, "")
    assert r"connected: one\x1b[2J (1 are connected)" in shown.stdout
    assert (await run("--once", "--timeout", "0.3", "--admin", admin)).exit_code == 1


async def test_as_json(admin: str) -> None:
    """An object in each line, as the admin API has it."""
    shown = await run("-o", "json", "--replay", "5", "--timeout", "3", "--admin", admin)
    (line,) = shown.stdout.splitlines()
    assert line.isprintable()
    assert json.loads(line)["connected"] == ["one\x1b[2J"]


@pytest.mark.parametrize(
    ("command", "limit_s", "status", "said"),
    [
        (["true"], "0.5", 1, ""),
        (["false"], "60", 1, "'false' ends with status 1"),
        (["/no/such\x1b"], "60", 1, "cannot run"),
    ],
)
async def test_a_command_to_watch(admin: str, command: list[str], limit_s: str, status: int, said: str) -> None:
    """One that fails ends it; of one that changes nothing nothing comes."""
    result = await run("--once", "--timeout", limit_s, "--admin", admin, "--", *command)
    assert (result.exit_code, said in result.stderr, "\x1b" in result.stderr) == (status, True, False)


async def test_daemon_that_is_not_there() -> None:
    """One line says which address was asked."""
    result = await run("--admin", "127.0.0.1:1")
    assert result.exit_code == 3
    assert "cannot ask the daemon at 127.0.0.1:1" in result.stderr


async def serve_once(address: str, word: str, tasks: TaskGroup) -> tuple[AdminServer, EventLog]:
    """Start a server at an address."""
    status = StatusStore()
    status.events = EventLog(word, lambda _key: None)
    server = AdminServer(
        AdminSettings.model_validate({"address": address}), Stores(SnapshotStore()), status, Clients(), Metrics()
    )
    await server.start(tasks)
    return server, status.events


async def test_it_goes_on_over_a_restart_until_it_is_interrupted() -> None:
    """It says that the daemon is gone, and back; Ctrl-C is no error."""
    restarted = f"127.0.0.1:{free_port()}"
    command = [sys.executable, "-m", "egxds", "watch", "--admin", restarted]
    async with anyio.create_task_group() as tasks:
        server, events = await serve_once(restarted, "first", tasks)
        async with await anyio.open_process(command, stderr=subprocess.STDOUT) as process:
            assert process.stdout is not None
            said, lines = "", TextReceiveStream(process.stdout)
            await listeners(events)
            events.add(EnvoysChanged(Listed.of(["before"]), Listed(), 1), 0.0)
            said = await _until("connected: before", said, lines)
            events.close()
            await server.stop()
            said = await _until("is gone", said, lines)
            server, events = await serve_once(restarted, "second", tasks)
            events.add(EnvoysChanged(Listed.of(["after"]), Listed(), 1), 0.0)
            said = await _until("connected: after", said, lines)
            assert "is back" in said
            process.send_signal(signal.SIGINT)
            assert await process.wait() == 0
        events.close()
        await server.stop()


async def _until(text: str, said: str, lines: TextReceiveStream) -> str:
    """Read until something was said; return all that was."""
    with anyio.fail_after(20):
        while text not in said:
            said += await lines.receive()
    return said
