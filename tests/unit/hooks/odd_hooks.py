"""What hooks do that none should, as lines of Python that a module of tests runs."""

from __future__ import annotations

RAISED = {
    "raise KeyboardInterrupt": "UNKNOWN: raised KeyboardInterrupt (",
    "raise SystemExit(3)": "UNKNOWN: raised SystemExit: 3 (",
    "raise GeneratorExit": "UNKNOWN: raised GeneratorExit (",
    "raise StopAsyncIteration": "UNKNOWN: raised StopAsyncIteration (",
    "raise asyncio.CancelledError": "UNKNOWN: raised CancelledError (",
    "raise BaseException('x')": "UNKNOWN: raised BaseException: x (",
    "raise OddError": "UNKNOWN: raised OddError: <its __str__ raised KeyboardInterrupt> (",
    "raise ExceptionGroup('all', [ValueError('a'), KeyError('b')])": ", in a group with KeyError: 'b'",
    "raise BaseExceptionGroup('all', [SystemExit(1)])": "in a group with SystemExit: 1",
    "raise ValueError('a') from KeyError('b')": "ValueError: a (",
    "json.loads('{')": "JSONDecodeError: ",
    "asyncio.get_running_loop().close()": "RuntimeError: Cannot close a running event loop",
    "asyncio.current_task().cancel(); await asyncio.sleep(0)": "UNKNOWN: was begun 3 times, and cancelled each time",
    "time.sleep(2.5)": "no reply within 1 s; it blocks its thread at ",
    "while True: pass": "no reply within 1 s; it is busy at ",
    "await asyncio.sleep(60)": "no reply within 1 s; it awaits at ",
    "threading.Event().wait(2.5)": "no reply within 1 s; it blocks its thread at ",
    "await asyncio.gather(asyncio.create_task(asyncio.sleep(60)))": "no reply within 1 s; it awaits at ",
}
"""What a hook does, and what is said of it."""

SURVIVED = (
    "asyncio.get_running_loop().stop()",
    "asyncio.get_running_loop().stop(); await asyncio.sleep(0.01)",
    "asyncio.get_running_loop().call_soon(sys.exit)",
    "asyncio.create_task(asyncio.wait_for(asyncio.sleep(1), 0.01))",
    "asyncio.get_running_loop().set_exception_handler(lambda *_: 1 / 0)",
    "[task.cancel() for task in asyncio.all_tasks() if task is not asyncio.current_task()]",
)
"""What a hook does that is nobody's failure."""

SURVIVED_BY_A_PROCESS = (
    "sys.stdout.close()",
    "gc.disable()",
    "logging.shutdown()",
    "os.chdir('/')",
    "sys.path.clear()",
)
"""The same, to what a thread shares with us."""
