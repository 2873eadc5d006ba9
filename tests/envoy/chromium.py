"""A headless Chromium, driven over the DevTools protocol."""

from __future__ import annotations

import base64
import json
import os
import re
import shutil
import subprocess
import urllib.request
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import pytest
from websockets.sync.client import ClientConnection, connect

from egxds.app.child_process import bound_to_parent
from tests.envoy.waiting import wait_for

_ANSWER_S = 60.0
_LISTENING = re.compile(r"DevTools listening on ws://([^/]+)/")
_BAD_LEVELS = frozenset({"error", "warning"})


def chromium_binary() -> str:
    """Return the browser; where there is none, the test is skipped, and in CI, which installs it, it fails."""
    found = shutil.which("chromium")
    if found is None and os.environ.get("CI") == "true":
        pytest.fail("not installed: chromium")
    if found is None:
        pytest.skip("not installed: chromium")
    return found


class Chromium:
    """One browser with one tab.

    Attributes:
        complaints: what a user would see in the console: errors, exceptions, violations of the policy.
    """

    def __init__(self, directory: Path, scheme: str = "light") -> None:
        """Describe it; `with` starts it.

        Args:
            directory: for its profile and its log.
            scheme: the colours that the user prefers: `light` or `dark`.
        """
        self.complaints: list[str] = []
        self._directory = directory
        self._scheme = scheme
        self._running = ExitStack()
        self._tab: ClientConnection
        self._calls = 0

    def open(self, url: str) -> None:
        """Go to a page."""
        self._call("Page.navigate", url=url)

    def run(self, script: str) -> Any:
        """Return what an expression comes to in the page."""
        answer = self._call("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in answer, answer["exceptionDetails"]
        return answer["result"].get("value")

    def text(self, selector: str) -> str:
        """Return the text of an element as a user sees it; empty where there is none."""
        return str(self.run(f"document.querySelector({json.dumps(selector)})?.innerText ?? ''"))

    def wait_text(self, selector: str, *words: str) -> None:
        """Wait until an element shows these words."""

        def shows() -> bool:
            shown = self.text(selector)
            assert all(word in shown for word in words), shown
            return True

        wait_for(shows, f"{selector} to show {words}")

    def click(self, selector: str) -> None:
        """Click on an element."""
        self.run(f"document.querySelector({json.dumps(selector)}).click()")

    def fill(self, selector: str, words: str) -> None:
        """Replace what a field says, as a user does."""
        self.run(f"document.querySelector({json.dumps(selector)}).focus()")
        self.run(f"document.querySelector({json.dumps(selector)}).select()")
        self._call("Input.insertText", text=words)

    def press(self, key: str) -> None:
        """Press a key."""
        for kind in ("keyDown", "keyUp"):
            self._call("Input.dispatchKeyEvent", type=kind, key=key, text=key if kind == "keyDown" else "")

    def picture(self, width: int, height: int) -> bytes:
        """Return the window as PNG."""
        size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
        self._call("Emulation.setDeviceMetricsOverride", **size)
        return base64.b64decode(self._call("Page.captureScreenshot", format="png")["data"])

    def __enter__(self) -> Self:
        with ExitStack() as starting:
            address = self._start(starting)
            self._tab = starting.enter_context(connect(self._tab_url(address), max_size=None, proxy=None))
            for domain in ("Page", "Runtime", "Log"):
                self._call(f"{domain}.enable")
            self._call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": self._scheme}])
            self._running = starting.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._running.close()

    def _start(self, starting: ExitStack) -> str:
        """Start the process, and return where it listens."""
        log = self._directory / "chromium.log"
        options = ["--headless=new", "--remote-debugging-port=0", "--disable-gpu", "--no-first-run"]
        options += [f"--user-data-dir={self._directory / 'profile'}", "--window-size=1200,900"]
        if os.geteuid() == 0:
            options.append("--no-sandbox")
        with log.open("wb") as output:
            command = bound_to_parent([chromium_binary(), *options, "about:blank"])
            process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output, stderr=output)
        starting.callback(process.wait, _ANSWER_S)
        starting.callback(process.terminate)
        listening = wait_for(lambda: _LISTENING.search(log.read_text(errors="replace")), "Chromium to listen")
        assert listening is not None
        return listening[1]

    def _tab_url(self, address: str) -> str:
        def first_tab() -> str:
            with urllib.request.urlopen(f"http://{address}/json/list", timeout=_ANSWER_S) as answer:
                tabs = [tab for tab in json.load(answer) if tab["type"] == "page"]
            return str(tabs[0]["webSocketDebuggerUrl"]) if tabs else ""

        return wait_for(first_tab, "Chromium to have a tab")

    def _call(self, method: str, **parameters: Any) -> Any:
        """Have something done, and take note of what happens meanwhile."""
        self._calls += 1
        self._tab.send(json.dumps({"id": self._calls, "method": method, "params": parameters}))
        while True:
            message = json.loads(self._tab.recv(_ANSWER_S))
            if message.get("id") == self._calls:
                assert "error" not in message, message["error"]
                return message["result"]
            self._take(message)

    def _take(self, message: Any) -> None:
        event, parameters = message.get("method"), message.get("params", {})
        if event == "Runtime.exceptionThrown":
            self.complaints.append(str(parameters["exceptionDetails"]))
        elif event == "Runtime.consoleAPICalled" and parameters["type"] in _BAD_LEVELS:
            self.complaints.append(str(parameters["args"]))
        elif event == "Log.entryAdded" and parameters["entry"]["level"] in _BAD_LEVELS:
            self.complaints.append(str(parameters["entry"]))
