"""Hooks in a process of their own, as an operator sees them: start, end, and what is left behind."""

from __future__ import annotations

import os
import signal
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from tests.envoy.waiting import wait_for
from tests.envoy.workspace import Workspace
from tests.process.redirected import RedirectedDaemon

HOOKS = """
class Hooks:
    async def virtual_host(self, host, context):
        return host
"""


def use(daemon: RedirectedDaemon, workspace: Workspace, code: str, **service: Any) -> Path:
    """Give a daemon an extension; return its file."""
    directory = workspace.root / "hooks"
    directory.mkdir()
    (directory / "shop_hooks.py").write_text(code)
    daemon.settings["extensionManagers"] = [
        {
            "name": "shop",
            "service": {"python": "shop_hooks:Hooks", "path": [str(directory)], **service},
            "hooks": {"xdsTranslator": {"post": ["VirtualHost"]}},
        }
    ]
    daemon.write_settings()
    return directory / "shop_hooks.py"


def hook_processes(daemon: RedirectedDaemon) -> list[int]:
    """Return the processes that run hooks for it; not those that have ended, and of which it has not asked how."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            state, parent = stat.read_text().rpartition(")")[2].split()[:2]
            if int(parent) == daemon.pid and state != "Z":
                found.append(int(stat.parent.name))
    return found


@pytest.mark.parametrize("isolation", ["process", "thread"])
def test_an_import_that_hangs_holds_up_neither_start_nor_end(
    daemon: RedirectedDaemon, workspace: Workspace, isolation: str
) -> None:
    """The pages of the daemon are there meanwhile; SIGTERM ends it as ever."""
    use(daemon, workspace, "import time\ntime.sleep(3600)\n", isolation=isolation, loadTimeout="1h")
    daemon.launch()
    wait_for(lambda: daemon.admin("/healthz").status == 200, "the admin port")
    assert daemon.stop() == 0


@pytest.mark.parametrize("isolation", ["process", "thread"])
def test_code_that_does_not_load_is_a_hook_that_fails(
    daemon: RedirectedDaemon, workspace: Workspace, isolation: str
) -> None:
    """The daemon serves, by the policy of the extension, and says what is wrong; mended, it is asked."""
    file = use(daemon, workspace, "1 / 0\n", isolation=isolation)
    daemon.start()
    (hook,) = daemon.api("hooks")["items"]
    assert hook["state"] == "failing"
    place = f"cannot be loaded: ZeroDivisionError: division by zero ({file}:1 in <module>)"
    assert place in hook["loadError"]
    assert place in hook["lastError"]
    assert "error_vhost" in daemon.admin("/api/v1/config_dump").text
    file.write_text(HOOKS)
    wait_for(lambda: daemon.api("hooks")["items"][0]["state"] == "healthy", "the hook to be well")
    wait_for(lambda: "error_vhost" not in daemon.admin("/api/v1/config_dump").text, "the host to be served")
    assert daemon.stop() == 0


def test_the_process_of_the_hooks_dies_with_the_daemon(daemon: RedirectedDaemon, workspace: Workspace) -> None:
    """Also where that is killed, and can tell nobody."""
    use(daemon, workspace, HOOKS)
    daemon.start()
    (child,) = hook_processes(daemon)
    daemon.signal(signal.SIGKILL)
    wait_for(lambda: not Path(f"/proc/{child}/stat").exists() or is_dead(child), "the process to end")


def is_dead(pid: int) -> bool:
    """Tell whether a process has ended, and nobody has asked how."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"


def wait_loaded(daemon: RedirectedDaemon, times: int) -> None:
    """Wait until the code was loaded so many times."""
    wait_for(lambda: len(daemon.events("hook.loaded")) == times, f"the code to be loaded {times} times")


def test_a_process_that_is_killed_is_replaced(daemon: RedirectedDaemon, workspace: Workspace) -> None:
    """Again and again, and the pages of the daemon are there all the while."""
    use(daemon, workspace, HOOKS)
    daemon.start()
    for killed in range(1, 5):
        (child,) = hook_processes(daemon)
        os.kill(child, signal.SIGKILL)
        wait_loaded(daemon, killed + 1)
        assert daemon.admin("/healthz").status == 200
    assert daemon.events("hook.failed") == []
    daemon.signal(signal.SIGHUP)
    wait_loaded(daemon, 6)
    assert daemon.stop() == 0


TALKING = """
import logging

log = logging.getLogger(__name__)


class Hooks:
    async def virtual_host(self, host, context):
        log.info("asked")
        return host
"""


def reload(daemon: RedirectedDaemon, times: int) -> dict[str, Any]:
    """Have settings read again, for the so-many-eth time, and return what it came to."""
    daemon.write_settings()
    daemon.signal(signal.SIGHUP)
    wait_for(lambda: len(daemon.events("app.reloaded")) == times, "the reload to be over")
    return daemon.events("app.reloaded")[-1]


def test_its_process_comes_and_goes_with_the_settings(daemon: RedirectedDaemon, workspace: Workspace) -> None:
    """At SIGHUP; of a file that is refused for something else, no process is left behind."""
    daemon.start()
    assert hook_processes(daemon) == []
    use(daemon, workspace, HOOKS)
    missing = {
        "name": "missing",
        "service": {"python": "nowhere:it"},
        "hooks": {"xdsTranslator": {"post": ["Route"]}},
    }
    daemon.settings["extensionManagers"].append(missing)
    assert reload(daemon, 1)["settings"] == "refused"
    assert daemon.api("hooks")["items"] == []
    wait_for(lambda: hook_processes(daemon) == [], "no process to be left")
    daemon.settings["extensionManagers"].remove(missing)
    assert reload(daemon, 2)["settings"] == "accepted"
    wait_for(lambda: daemon.api("hooks")["items"][0]["state"] == "healthy", "the hook to be called")
    del daemon.settings["extensionManagers"]
    reload(daemon, 3)
    wait_for(lambda: hook_processes(daemon) == [], "its process to end")
    assert daemon.api("hooks")["items"] == []
    assert daemon.stop() == 0


def test_its_log_has_the_level_of_now(daemon: RedirectedDaemon, workspace: Workspace) -> None:
    """A reload is a new process, which is told."""
    daemon.settings["logging"]["level"] = "warning"
    use(daemon, workspace, TALKING)
    daemon.start()
    assert daemon.events("hook.message") == []
    daemon.settings["logging"]["level"] = "info"
    reload(daemon, 1)
    wait_for(lambda: daemon.events("hook.message"), "what the hook logs")
    assert daemon.events("hook.message")[0]["text"] == "asked"
