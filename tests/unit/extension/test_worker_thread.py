"""A thread of hooks that has ended, looked at by whoever does not know that yet."""

from __future__ import annotations

import subprocess
import sys

ENDED = """
from collections import deque
from egxds.extension.places import OwnFiles
from egxds.extension.worker_thread import WorkerThread

workers = [WorkerThread(f"worker {number}", deque(), lambda run, outcome: None, OwnFiles()) for number in range(60)]
for worker in workers:
    worker.stop()
for worker in workers:
    worker._thread.join()
for worker in workers:
    worker.beat(1.0)
    print(worker.is_spending(2.0), worker.running(), repr(worker.place()))
    worker.interrupt()
"""
"""So many that the C library gives the memory of some back, in which it would look for what they have spent."""


def test_one_that_has_ended_is_looked_at() -> None:
    """It spends nothing and runs nothing, and the process lives on: in one of its own, should it not."""
    done = subprocess.run([sys.executable, "-c", ENDED], check=False, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines() == ["False None ''"] * 60
