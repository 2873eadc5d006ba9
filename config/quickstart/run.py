"""`make run`: a sample backend, egxds and an Envoy in the foreground, until Ctrl-C or SIGTERM.

The ports come from environment variables. With the usual ones the files beside this script are served as they
are; with others a copy of them that names the others.
"""  # noqa: INP001 a script

from __future__ import annotations

import errno
import http.client
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from types import FrameType

from egxds.app.child_process import bound_to_parent

HERE = Path(__file__).parent
USUAL_PORTS = {
    "HTTP_PORT": 8080,
    "XDS_PORT": 18000,
    "ADMIN_PORT": 19080,
    "ENVOY_ADMIN_PORT": 19000,
    "BACKEND_PORT": 3000,
}
START_LIMIT_S = 60.0
STOP_LIMIT_S = 10.0

Ports = Mapping[str, int]
Children = dict[str, "subprocess.Popen[bytes]"]


class Refusal(Exception):  # noqa: N818 what happens, in the words of the user
    """The quickstart cannot go on; the text says why."""


def chosen_ports(environment: Mapping[str, str]) -> Ports:
    """Read the ports."""
    ports = {}
    for name, usual in USUAL_PORTS.items():
        text = environment.get(name) or str(usual)
        if not text.isdecimal() or not 1 <= int(text) <= 65535:
            raise Refusal(f"{name}={text} is no port: choose one from 1 to 65535")
        ports[name] = int(text)
    return ports


def check_free(ports: Ports) -> None:
    """Refuse ports that something listens on, or that are chosen twice."""
    with ExitStack() as held:
        for name, port in ports.items():
            probe = held.enter_context(socket.socket())
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
                probe.listen()
            except OSError as err:
                reason = "is in use" if err.errno == errno.EADDRINUSE else f"cannot be used ({err.strerror})"
                raise Refusal(f"port {port} {reason}: choose another, as in make run {name}={port + 1}") from err


def directory_to_serve(ports: Ports, scratch: Path) -> Path:
    """Return a directory with settings and routes that name these ports."""
    if all(ports[name] == usual for name, usual in USUAL_PORTS.items() if name != "ENVOY_ADMIN_PORT"):
        return HERE
    copy = scratch / "quickstart"
    shutil.copytree(HERE, copy, ignore=shutil.ignore_patterns("*.py", "__pycache__"))
    chosen = {str(usual): str(ports[name]) for name, usual in USUAL_PORTS.items()}
    for file in copy.rglob("*.yaml"):
        replaced = re.sub(r"\b\d{4,5}\b", lambda found: chosen.get(found[0], found[0]), file.read_text())
        file.write_text(replaced)
    return copy


def start(ports: Ports, directory: Path, children: Children) -> None:
    """Start everything; what started is in `children`."""
    settings = directory / "egxds.yaml"
    envoy_admin = ["--envoy-admin-port", str(ports["ENVOY_ADMIN_PORT"])]
    commands = {
        "the sample backend": [sys.executable, str(HERE / "backend.py"), str(ports["BACKEND_PORT"])],
        "egxds": [sys.executable, "-m", "egxds", "up", "-c", str(settings), *envoy_admin],
    }
    for name, command in commands.items():
        # In a session of its own a child does not hear Ctrl-C: it is told to stop, once, by us.
        children[name] = subprocess.Popen(bound_to_parent(command), start_new_session=True)  # noqa: S603 our own commands


def wait_until_served(ports: Ports, children: Children) -> None:
    """Wait until a request gets through Envoy to the backend."""
    give_up_at = time.monotonic() + START_LIMIT_S
    pause = threading.Event()
    while not is_served(ports["HTTP_PORT"]):
        check_alive(children)
        if time.monotonic() > give_up_at:
            raise Refusal(f"no answer from Envoy within {START_LIMIT_S:.0f} s; the log above says why")
        pause.wait(0.1)


def is_served(port: int) -> bool:
    """Tell whether the first route answers."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", "/hello")
        return connection.getresponse().status == http.HTTPStatus.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def check_alive(children: Children) -> None:
    """Refuse to go on without one of them."""
    for name, child in children.items():
        if child.poll() is not None:
            raise Refusal(f"{name} ended with exit status {child.returncode}; the log above says why")


def invite(ports: Ports, directory: Path) -> None:
    """Say what to try."""
    web, admin = (f"http://127.0.0.1:{ports[name]}" for name in ("HTTP_PORT", "ADMIN_PORT"))
    sys.stdout.write(
        f"""
Envoy serves. Try:

    curl {web}/hello
    curl -H 'Host: shop.example' {web}/cart/42
    curl {admin}/api/v1/objects

Edit or add a file in {directory / "routes"} and try again. Ctrl-C ends it.

"""
    )
    sys.stdout.flush()


def stop(children: Children) -> None:
    """End every child, by force where it takes too long."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    for child in children.values():
        child.terminate()
    for child in children.values():
        try:
            child.wait(STOP_LIMIT_S)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()


def interrupt(_number: int, _frame: FrameType | None) -> None:
    """Treat SIGTERM as Ctrl-C."""
    raise KeyboardInterrupt


def run(scratch: Path) -> None:
    """Run until a child ends or a signal comes."""
    ports = chosen_ports(os.environ)
    check_free(ports)
    directory = directory_to_serve(ports, scratch)
    children: Children = {}
    try:
        start(ports, directory, children)
        wait_until_served(ports, children)
        invite(ports, directory)
        children["egxds"].wait()
        check_alive(children)
    finally:
        stop(children)


def main() -> int:
    """Run the quickstart; return the exit status."""
    signal.signal(signal.SIGTERM, interrupt)
    try:
        with tempfile.TemporaryDirectory(prefix="egxds-") as scratch:
            run(Path(scratch))
    except KeyboardInterrupt:
        return 0
    except Refusal as err:
        sys.stderr.write(f"quickstart: {err}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
