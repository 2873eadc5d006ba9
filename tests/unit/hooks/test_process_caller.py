"""Hooks in a process of their own: whatever one does is a failed call of that one, and the others are answered."""

from __future__ import annotations

import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
import pytest
from structlog.testing import capture_logs

from egxds.errors import FailureReason, StartError
from egxds.extension import VirtualHost
from egxds.extension.child import WORN_THREADS
from egxds.generated.envoygateway.extension import PostVirtualHostModifyRequest
from egxds.hooks.calls import HookCall, HookFailure, HookReply
from egxds.hooks.inprocess import child_process
from egxds.hooks.inprocess.process_caller import ProcessCaller
from egxds.hooks.inprocess.process_use import resident_bytes
from egxds.hooks.inprocess.thread_caller import ThreadCaller
from egxds.settings.extensions import Hook
from tests.unit.hooks.extensions import manager
from tests.unit.hooks.odd_hooks import RAISED, SURVIVED, SURVIVED_BY_A_PROCESS

pytestmark = pytest.mark.anyio

LIMIT_S = 60.0
MODULE = """
import asyncio, builtins, ctypes, gc, json, logging, os, signal, sys, threading, time

log = logging.getLogger(__name__)
kept = []

class OddError(Exception):
    def __str__(self):
        raise KeyboardInterrupt

class Mine:
    async def virtual_host(self, host, context):
        if host.name != "good":
            exec(compile("async def odd(host):\\n    " + host.name, __file__, "exec"), globals())
            await odd(host)
        host.response_headers_to_add.add().header.key = "x-seen"
        return host
"""


@pytest.fixture(autouse=True)
def _own_path(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let no test find the modules of another."""
    monkeypatch.setattr(sys, "path", list(sys.path))


def call(name: str) -> HookCall:
    """Return a call for a virtual host; the module runs its name."""
    request = PostVirtualHostModifyRequest(virtual_host=VirtualHost(name=name).SerializeToString())
    return HookCall("shop", Hook.VIRTUAL_HOST, name, bytes(request))


def settings(isolation: str = "process", python: str = "shop_hooks:Mine", **more: Any) -> Any:
    """Return the settings of an extension."""
    service = {"python": python, "path": ["."], "isolation": isolation, **more.pop("service", {})}
    return manager("shop", hooks=("VirtualHost",), service=service, **{"timeout": "1s", **more})


@asynccontextmanager
async def loaded(
    directory: Path, isolation: str = "process", module: str = MODULE, **more: Any
) -> AsyncIterator[ProcessCaller | ThreadCaller]:
    """Load a module until the block is left."""
    (directory / "shop_hooks.py").write_text(module)
    kind = ProcessCaller if isolation == "process" else ThreadCaller
    caller = kind(settings(isolation, **more), directory)
    await caller.start()
    try:
        yield caller
    finally:
        await caller.aclose()


async def told(caller: ProcessCaller | ThreadCaller, name: str) -> str:
    """Return why a call fails; nothing where it does not."""
    outcome = await caller.call(call(name))
    return outcome.message if isinstance(outcome, HookFailure) else ""


@pytest.mark.parametrize("isolation", ["process", "thread"])
async def test_what_a_hook_raises_stops_or_spends_is_its_own_failed_call(tmp_path: Path, isolation: str) -> None:
    """Each with good hosts beside it, before, meanwhile and after."""
    async with loaded(tmp_path, isolation) as caller:
        for name, said in RAISED.items():
            outcomes: dict[str, str] = {}

            async def ask(key: str, name: str, outcomes: dict[str, str] = outcomes) -> None:
                outcomes[key] = await told(caller, name)

            async with anyio.create_task_group() as tasks:
                for key, asked in (("before", "good"), ("odd", name), ("behind", "good"), ("after", "good")):
                    tasks.start_soon(ask, key, asked)
            assert said in outcomes.pop("odd"), name
            assert outcomes == {"before": "", "behind": "", "after": ""}, name


@pytest.mark.parametrize("isolation", ["process", "thread"])
async def test_what_a_hook_does_to_its_loop_is_nobody_elses_failure(tmp_path: Path, isolation: str) -> None:
    """What it returns counts all the same."""
    names = (*SURVIVED, *(SURVIVED_BY_A_PROCESS if isolation == "process" else ()))
    async with loaded(tmp_path, isolation) as caller:
        for name in names:
            assert await told(caller, name) == "", name
            assert await told(caller, "good") == "", name


ENDED = {
    "os._exit(3)": "ended with exit status 3",
    "ctypes.string_at(0)": "was killed by SIGSEGV at ",
    "os.kill(os.getpid(), signal.SIGKILL)": "was killed by SIGKILL",
    "os.kill(os.getpid(), signal.SIGTERM)": "was killed by SIGTERM",
    "os.abort()": "shop_hooks.py:2 in odd",
    "threading.Thread(target=os._exit, args=(4,)).start(); time.sleep(60)": "ended with exit status 4",
    "os.closerange(3, 64)": "the process",
    "ctypes.PyDLL(None).sleep(60)": "did not move for 3 s: something in it holds the interpreter",
    "kept.append(bytearray(2_000_000_000))": "had no memory left (limits.memory 512 MiB): raised MemoryError (",
}
"""What a hook does that is the end of its process, and what is said of it."""


async def test_a_hard_crash_fails_the_call_that_crashed(tmp_path: Path) -> None:
    """The calls beside it are asked again; it itself is not at once, lest its probes end one process after another."""
    async with loaded(tmp_path) as caller:
        for name, said in ENDED.items():
            outcomes: dict[str, str] = {}

            async def ask(key: str, name: str, outcomes: dict[str, str] = outcomes) -> None:
                outcomes[key] = await told(caller, name)

            async with anyio.create_task_group() as tasks:
                tasks.start_soon(ask, "odd", name)
                for at in range(3):
                    tasks.start_soon(ask, f"good {at}", "good")
            assert said in outcomes.pop("odd"), name
            assert set(outcomes.values()) == {""}, name


async def test_memory_that_is_kept_ends_at_the_limit(tmp_path: Path) -> None:
    """One that keeps 100 MB in each call is asked as often as one likes: the process is another one now and then."""
    async with loaded(tmp_path, service={"limits": {"memory": "256Mi"}}) as caller:
        assert isinstance(caller, ProcessCaller)
        seen = []
        for at in range(6):
            assert await told(caller, f"kept.append(bytearray(100_000_000 + {at}))") == ""
            seen.append(children_bytes())
        # Two processes at the most: the one that serves, and the one for suspects.
        assert max(seen) < 2 * 300 * 1024 * 1024, seen


def children_bytes() -> int:
    """Return the memory of the processes that run hooks."""
    return sum(map(resident_bytes, children()))


def children() -> list[int]:
    """Return the processes that run hooks for this one."""
    found = []
    for status in Path("/proc").glob("[0-9]*/status"):
        try:
            is_ours = f"PPid:\t{os.getpid()}\n" in status.read_text()
            command = (status.parent / "cmdline").read_bytes()
        except OSError:
            continue
        if is_ours and b"egxds.extension.child" in command:
            found.append(int(status.parent.name))
    return found


async def test_the_process_ends_with_its_caller(tmp_path: Path) -> None:
    """And what the hooks have started ends with it."""
    async with loaded(tmp_path) as caller:
        assert await told(caller, "import subprocess; subprocess.Popen(['sleep', '1234'])") == ""
        assert len(children()) == 1
    assert children() == []
    assert sleepers() == []


def sleepers() -> list[Path]:
    """Return the processes that the hook started and that are still there."""
    return [path for path in Path("/proc").glob("[0-9]*/cmdline") if is_sleep(path)]


def is_sleep(path: Path) -> bool:
    """Tell whether a process is the one that the hook started."""
    try:
        return path.read_bytes() == b"sleep\x001234\x00"
    except OSError:
        return False


def descriptors(pid: int) -> list[str]:
    """Return what a process has open."""
    return [str(path.readlink()) for path in Path(f"/proc/{pid}/fd").iterdir()]


async def test_it_has_no_descriptor_of_ours(tmp_path: Path) -> None:
    """Only its pipes, its end of the control socket, its connection, and those of its own loops."""
    with (tmp_path / "secret").open("w") as secret:
        os.set_inheritable(secret.fileno(), True)
        async with loaded(tmp_path) as caller:
            assert await told(caller, "good") == ""
            (child,) = children()
            held = descriptors(child)
    assert [name for name in held if not name.startswith(("pipe:", "socket:", "anon_inode:", "/dev/"))] == []


@pytest.mark.parametrize("isolation", ["process", "thread"])
async def test_newer_code_takes_over_or_the_older_goes_on(tmp_path: Path, isolation: str) -> None:
    """Whole, modules that it imports too; and what is wrong with it is said with file and line."""
    module = MODULE.replace("import asyncio", "import shop_values, asyncio").replace('"x-seen"', "shop_values.KEY")
    (tmp_path / "shop_values.py").write_text("KEY = 'x-first'")
    renewed = anyio.Event()
    async with loaded(tmp_path, isolation, module) as caller, anyio.create_task_group() as tasks:
        tasks.start_soon(caller.watch, renewed.set)
        await anyio.wait_all_tasks_blocked()
        assert await key(caller) == "x-first"

        (tmp_path / "shop_values.py").write_text("KEY = = 'x-broken'")
        with anyio.fail_after(LIMIT_S):
            while not caller.fault:
                assert await key(caller) == "x-first"
                await anyio.sleep(0.01)
        assert f"{tmp_path / 'shop_values.py'}:1" in caller.fault
        assert (caller.losses, renewed.is_set()) == (0, False)

        (tmp_path / "shop_values.py").write_text("KEY = 'x-second'")
        with anyio.fail_after(LIMIT_S):
            while caller.fault:
                assert await key(caller) in ("x-first", "x-second")
                await anyio.sleep(0.01)
            await renewed.wait()
        assert (await key(caller), caller.losses) == ("x-second", 1)

        caller.reload()
        with anyio.fail_after(LIMIT_S):
            while caller.losses < 2:  # noqa: ASYNC110 it looks by itself
                await anyio.sleep(0.01)
        tasks.cancel_scope.cancel()


async def key(caller: ProcessCaller | ThreadCaller) -> str:
    """Return the header that the code in force writes."""
    outcome = await caller.call(call("good"))
    assert isinstance(outcome, HookReply), outcome
    host = VirtualHost.FromString(outcome.message.virtual_host)  # type: ignore[attr-defined]
    return str(host.response_headers_to_add[0].header.key)


@pytest.mark.parametrize("isolation", ["process", "thread"])
async def test_an_import_that_hangs_has_a_deadline(tmp_path: Path, isolation: str) -> None:
    """The start does not wait for it; its calls fail, with the place."""
    module = "import time\ntime.sleep(3600)\n"
    with anyio.fail_after(LIMIT_S):
        async with loaded(tmp_path, isolation, module, service={"loadTimeout": "1500ms"}) as caller:
            outcome = await caller.call(call("good"))
    assert isinstance(outcome, HookFailure)
    assert outcome.reason is FailureReason.CONNECT
    place = f"not done within 1.5 s (service.loadTimeout); it is at {tmp_path / 'shop_hooks.py'}:2"
    assert place in outcome.message


@pytest.mark.parametrize("isolation", ["process", "thread"])
@pytest.mark.parametrize("name", ["json", "queue", "yaml", "this"])
async def test_a_file_with_the_name_of_a_module_of_pythons_is_loaded(tmp_path: Path, isolation: str, name: str) -> None:
    """And hides nothing from anybody."""
    (tmp_path / f"{name}.py").write_text(MODULE)
    caller = (ProcessCaller if isolation == "process" else ThreadCaller)(settings(isolation, f"{name}:Mine"), tmp_path)
    await caller.start()
    try:
        assert await key(caller) == "x-seen"
        assert await told(caller, "import json; json.dumps(1)") == ""
    finally:
        await caller.aclose()


@pytest.mark.parametrize("isolation", ["process", "thread"])
@pytest.mark.parametrize(
    ("service", "said"),
    [
        ({"path": ["nowhere"]}, "/nowhere is no directory"),
        ({"python": "no_such_package.module:x"}, "ModuleNotFoundError: No module named 'no_such_package'"),
        ({"python": "shop_hooks:Other"}, "module 'shop_hooks' has no attribute 'Other'"),
        ({"python": "shop_hooks:log"}, "hooks.xdsTranslator.post names VirtualHost: define `async def virtual_host("),
    ],
)
async def test_what_the_settings_have_wrong_stops_the_start(
    tmp_path: Path, isolation: str, service: dict[str, Any], said: str
) -> None:
    """It would be as wrong the next time."""
    (tmp_path / "shop_hooks.py").write_text(MODULE)
    kind = ProcessCaller if isolation == "process" else ThreadCaller
    with pytest.raises(StartError) as caught:
        await kind(settings(isolation, service=service), tmp_path).start()
    assert said in str(caught.value)
    assert children() == []


@pytest.mark.parametrize("isolation", ["process", "thread"])
async def test_work_that_takes_its_time_is_no_failure_of_who_waits(tmp_path: Path, isolation: str) -> None:
    """120 hosts at 20 ms of work each, and one second for each: the deadline does not count the wait."""
    work = "end = time.thread_time() + 0.02\n    while time.thread_time() < end: pass\n    # {}"
    async with loaded(tmp_path, isolation) as caller:
        outcomes: list[str] = []

        async def ask(at: int) -> None:
            outcomes.append(await told(caller, work.format(at)))

        async with anyio.create_task_group() as tasks:
            for at in range(120):
                tasks.start_soon(ask, at)
    assert [outcome for outcome in outcomes if outcome] == []


async def test_a_process_whose_threads_are_used_up_is_replaced(tmp_path: Path) -> None:
    """Calls that block leave their threads for good; those who come after have another process."""
    async with loaded(tmp_path) as caller, anyio.create_task_group() as tasks:
        (first,) = children()
        for at in range(WORN_THREADS):
            tasks.start_soon(told, caller, f"time.sleep(3600 + {at})")
        with anyio.fail_after(LIMIT_S):
            while first in children():
                assert await told(caller, "good") == ""
                await anyio.sleep(0.05)
        assert (await told(caller, "good"), caller.losses) == ("", 0)


async def test_a_process_that_works_though_nobody_asks_is_replaced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A thread that a hook has started, and that spins."""
    monkeypatch.setattr(child_process, "_IDLE_SECONDS", 1)
    monkeypatch.setattr(child_process, "_IDLE_SHARE", 0.1)
    async with loaded(tmp_path) as caller:
        (first,) = children()
        spin = "def spin():\n        while True: pass\n    threading.Thread(target=spin, daemon=True).start()"
        assert await told(caller, spin) == ""
        with anyio.fail_after(LIMIT_S):
            while first in children():  # noqa: ASYNC110 it is another process
                await anyio.sleep(0.05)
        assert await told(caller, "good") == ""


async def test_what_hooks_print_and_log_is_in_our_log(tmp_path: Path) -> None:
    """Line by line, with the names of loggers and their levels; and a flood is counted, not written."""
    with capture_logs() as lines:
        async with loaded(tmp_path) as caller:
            await told(caller, "print('one\\ntwo'); print('three', file=sys.stderr)")
            await told(caller, "log.info('it is %s', 4); logging.getLogger('shop.deep').error('five')")
            await told(caller, "log.debug('%d', 'x')")
            await told(caller, "for at in range(100_000): print('flood')")
            await told(caller, "for at in range(10_000): log.warning('flood')")
            with anyio.fail_after(LIMIT_S):
                while not any(line["event"] == "hook.output_lost" for line in lines):
                    await told(caller, "print('and on'); log.info('and on')")
                    await anyio.sleep(0.1)
    printed = [(line["stream"], line["text"], line["log_level"]) for line in lines if line["event"] == "hook.output"]
    assert printed[:3] == [("stdout", "one", "info"), ("stdout", "two", "info"), ("stderr", "three", "warning")]
    logged = [(line["logger"], line["text"], line["log_level"]) for line in lines if line["event"] == "hook.message"]
    assert logged[:3] == [
        ("shop_hooks", "it is 4", "info"),
        ("shop.deep", "five", "error"),
        ("shop_hooks", "%d", "debug"),
    ]
    assert len(lines) < 5_000


@pytest.mark.parametrize("isolation", ["process", "thread"])
async def test_what_is_raised_is_in_the_log_with_its_traceback_once(tmp_path: Path, isolation: str) -> None:
    """The message names the line of the hook, be the error of a library; it is tried again, and not told again."""
    with capture_logs() as lines:
        async with loaded(tmp_path, isolation) as caller:
            for _ in range(5):
                message = await told(caller, "json.loads('{')")
    assert f"({tmp_path / 'shop_hooks.py'}:2 in odd)" in message
    (line,) = [line for line in lines if line["event"] == "hook.raised"]
    assert "json/decoder.py" in line["traceback"]
