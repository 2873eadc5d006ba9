"""Many requests at once: by weight, by percentage, and to one backend alone."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from fractions import Fraction

from tests.conformance import traffic
from tests.conformance.conditions import Json
from tests.conformance.data import Step
from tests.conformance.run import Run
from tests.conformance.waiting import UnknownStepError, eventually

SIDE_BY_SIDE = 10
STANDARD_DEVIATIONS = 3

PODS: Mapping[str, Callable[[Run, Step], str]] = {
    "http": lambda run, step: str(traffic.round_trip_once(run, step).echo["pod"]),
    "grpc": traffic.grpc_once,
    "tcp_echo": traffic.tcp_pod,
    "udp_echo": traffic.udp_pod,
}
"""Kind of request → the pod that answered it."""


def weighted(run: Run, step: Step) -> None:
    """Send a request often, and compare the shares of the backends; a share may be wrong by chance, so try again."""
    sample = next((each for each in run.test.steps if each.get("sample_of_weighted")), None)
    if sample is None:
        raise UnknownStepError("no step is the sample of this distribution")
    fault = ""
    for _ in range(step["max_tries"]):
        fault = share_fault(step, _backends(run, sample, step["requests"]))
        if not fault:
            return
    raise AssertionError(f"weights, {step['max_tries']} times {step['requests']} requests: {fault}")


def share_fault(step: Step, seen: Counter[str]) -> str:
    """Say which share is wrong; nothing where all are right."""
    strangers = seen.keys() - step["weights"].keys()
    if strangers:
        return f"answers of {sorted(strangers)}"
    for backend, weight in step["weights"].items():
        share = Fraction(seen[backend], step["requests"])
        if (weight == 0 and share) or abs(share - Fraction(weight)) > step["tolerance"]:
            return f"{backend} has {float(share):.3f}, wanted {weight}"
    return ""


def _backends(run: Run, sample: Step, count: int) -> Counter[str]:
    pods = _many(lambda: PODS[sample["op"]](run, sample), count)
    return Counter(pod.rsplit("-", 2)[0] for pod in pods)


def _many(send: Callable[[], str], count: int) -> list[str]:
    with ThreadPoolExecutor(SIDE_BY_SIDE) as pool:
        return list(pool.map(lambda _: send(), range(count)))


def only_backend(run: Run, step: Step) -> None:
    """Have one backend answer every request."""
    sample = next(each for each in run.test.steps if each["op"] == f"{step['protocol']}_echo")
    seen = _backends(run, sample, step["requests"])
    assert seen.keys() == {step["backend"]}, f"wanted {step['backend']} alone, got {dict(seen)}"


def named_by_header(run: Run, step: Step) -> None:
    """Have each request reach the backend that one of its headers names, set on the way there."""
    sample = next(each for each in run.test.steps if each["op"] == "http")
    with ThreadPoolExecutor(SIDE_BY_SIDE) as pool:
        for echo in pool.map(lambda _: traffic.round_trip_once(run, sample).echo, range(step["requests"])):
            named = echo["headers"].get(step["header"], [])
            assert len(named) == 1, f"{echo['pod']} saw {len(named)} headers {step['header']}"
            assert echo["pod"].startswith(f"{named[0]}-"), f"{echo['pod']} was told that it is {named[0]}"


def mirror_percentage(run: Run, step: Step) -> None:
    """Have a share of many requests mirrored, each case of the test by itself."""
    cases = [each for each in run.test.steps if each["op"] == "http" and each.get("repeat")]
    if not cases:
        raise UnknownStepError("no step is the sample of this percentage")
    for case in cases:
        _mirror_shares(run, case, step["requests"], step["max_tries"])


def _mirror_shares(run: Run, case: Step, requests: int, tries: int) -> None:
    faults: list[str] = []
    for _ in range(tries):
        paths = frozenset(_many(lambda: _mirrored_path(run, case), requests))
        faults = [_mirror_fault(run, each, paths) for each in case["expect"]["mirrored_to"]]
        if not any(faults):
            return
    raise AssertionError(f"{case['request']['path']}: {', '.join(filter(None, faults))}")


def _mirrored_path(run: Run, case: Step) -> str:
    answer = traffic.round_trip_once(run, case)
    return str(answer.echo["path"])


def _mirror_fault(run: Run, backend: Json, paths: frozenset[str]) -> str:
    """Say how many requests were mirrored where that is too far from the percentage."""
    count, share = len(paths), backend["percent"] / 100
    wanted, room = count * share, STANDARD_DEVIATIONS * math.sqrt(count * share * (1 - share))

    def arrived() -> None:
        seen = run.mirrored(backend, paths)
        assert abs(seen - wanted) <= room, f"{seen} of {count} were mirrored to {backend['backend']}"

    try:
        eventually(arrived, f"{backend['percent']} %")
    except AssertionError as err:
        return str(err)
    return ""
