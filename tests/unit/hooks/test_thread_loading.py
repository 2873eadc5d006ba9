"""How a module of hooks is loaded for threads, and what is said where it cannot be."""

from __future__ import annotations

import anyio
import pytest

from egxds.errors import FailureReason, StartError
from egxds.hooks.calls import HookReply
from egxds.hooks.inprocess.thread_caller import ThreadCaller
from egxds.settings.extensions import Hook
from tests.unit.hooks.extensions import manager
from tests.unit.hooks.thread_code import CALLS, ECHO, LIMIT_S, Code, failed

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize(
    ("body", "target", "said"),
    [
        ("", "Mine", "cannot be loaded: AttributeError: "),
        ("class Mine: pass", "Mine", "hooks.xdsTranslator.post names Route, Endpoints, Cluster, VirtualHost, "),
        ("class Mine:\n    class Inner: pass", "Mine.Other", "cannot be loaded: AttributeError: "),
    ],
)
async def test_what_the_settings_have_wrong_stops_the_start(code: Code, body: str, target: str, said: str) -> None:
    """The message names the extension, the object and what is wrong with it."""
    settings = code.manager(body, target)
    with pytest.raises(StartError) as caught:
        await ThreadCaller(settings, code.directory).start()
    assert str(caught.value).startswith(f"service.python of extension {code.name}: {code.name}:{target}: {said}")


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("1 / 0", "ZeroDivisionError: division by zero (…:4 in <module>)"),
        ("raise SystemExit('no')", "SystemExit: no (…:4 in <module>)"),
        ("raise KeyboardInterrupt", "KeyboardInterrupt (…:4 in <module>)"),
        ("x = = 1", "SyntaxError: invalid syntax (…, line 4) (…:4)"),
        ("import no_such_module", "ModuleNotFoundError: No module named 'no_such_module' (…:4 in <module>)"),
        ("class Mine:\n    def __init__(self): raise OSError('x')", "OSError: x (…:5 in __init__)"),
    ],
)
async def test_code_that_fails_when_it_is_loaded_fails_its_calls(code: Code, body: str, said: str) -> None:
    """The daemon starts, and the policy applies: the next try, or the next version, may do better."""
    file = code.directory / f"{code.name}.py"
    async with code.caller(body) as caller:
        outcome = failed(await caller.call(CALLS[Hook.ROUTE]))
        said = f"cannot be loaded: {said}".replace("(…,", f"({file.name},").replace("…", str(file))
        where = f"service.python of extension {code.name}: {code.name}:Mine"
        assert (outcome.reason, outcome.message) == (FailureReason.CONNECT, f"{where}: {said}")
        file.write_text(ECHO)
        with anyio.fail_after(LIMIT_S):
            while not isinstance(await caller.call(CALLS[Hook.ROUTE]), HookReply):  # noqa: ASYNC110 it looks by itself
                await anyio.sleep(0.01)
        assert caller.fault == ""


async def test_a_module_that_is_not_there_stops_the_start(code: Code) -> None:
    """Neither a package nor a directory is made up."""
    settings = manager(service={"python": "no_such_package.module:x"})
    with pytest.raises(StartError, match=r"ModuleNotFoundError: No module named 'no_such_package'$"):
        await ThreadCaller(settings, code.directory).start()
    settings = manager(service={"python": "no_such_package.module:x", "path": ["nowhere"]})
    with pytest.raises(StartError, match=r"/nowhere is no directory$"):
        await ThreadCaller(settings, code.directory).start()


async def test_an_object_and_a_nested_name_can_be_named(code: Code) -> None:
    """`package.module:object` may be an object that exists already, or inside another."""
    body = ECHO + "class Outer:\n    inner = Mine()\n"
    caller = ThreadCaller(code.manager(body, "Outer.inner", timeout="20s"), code.directory)
    await caller.start()
    assert isinstance(await caller.call(CALLS[Hook.ROUTE]), HookReply)
    await caller.aclose()
