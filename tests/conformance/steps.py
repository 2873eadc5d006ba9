"""Every step that a test may have: a row each. One that has no row fails the test."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from tests.conformance import acceptance, checks, distribution, traffic
from tests.conformance.api_server import Key
from tests.conformance.data import Step
from tests.conformance.pods import endpoints
from tests.conformance.run import Run
from tests.conformance.waiting import UnknownStepError, eventually

Do = Callable[[Run, Step], None]


def do(run: Run, step: Step) -> None:
    """Do one step.

    Raises:
        AssertionError: what the step wants did not come.
        WrongForGoodError: the same, without waiting.
        UnknownStepError: it has no row.
    """
    fault = unknown(step)
    if fault:
        raise UnknownStepError(fault)
    if not step.get("sample_of_weighted"):
        STEPS[step["op"]](run, step)


def unknown(step: Step) -> str:
    """Say what of a step the replay does not know; nothing where it knows all."""
    op = step["op"]
    if op not in STEPS:
        return f"no step {op!r}: add a row to STEPS"
    table = {"status": checks.CHECKS, "assert": ASSERTS, "custom": CUSTOMS}.get(op)
    return "" if table is None or step["check"] in table else f"no {op} {step['check']!r}: add a row to its table"


def _gateway_address(run: Run, step: Step) -> None:
    run.address(step["gateway"])


def _status(run: Run, step: Step) -> None:
    checks.check(run.reader, step)


def _gateway_accepted(run: Run, step: Step) -> None:
    _gateway_and_tls_routes_accepted(run, step)
    acceptance.listeners_served(run.reader, Key.parse("Gateway", step["gateway"]))


def _gateway_and_tls_routes_accepted(run: Run, step: Step) -> None:
    """The same without a look at the listeners."""
    run.address(step["gateway"])
    parent = Key.parse("Gateway", step["gateway"])
    acceptance.routes_accepted(run.reader, parent, step["route_kind"], step["routes"])


def _parent_accepted(run: Run, step: Step) -> None:
    parent = Key.parse(step["parent_kind"], step["parent"])
    acceptance.routes_accepted(run.reader, parent, step["route_kind"], step["routes"])
    acceptance.listeners_served(run.reader, parent)


def _get(run: Run, step: Step) -> None:
    generation = run.server.generation(Key.parse(step["kind"], step["object"]))
    run.generations.setdefault(step["kind"], []).append(generation)


def _create(run: Run, step: Step) -> None:
    run.apply([step["object"]])


def _patch(run: Run, step: Step) -> None:
    kind, _, path = step["object"].partition(":")
    run.server.patch(Key.parse(kind, path), run.filled(step["merge_patch"]))
    run.changed()


def _delete(run: Run, step: Step) -> None:
    kind, _, path = step["object"].partition(":")
    run.server.delete(Key.parse(kind, path))
    run.changed()


def _assert(run: Run, step: Step) -> None:
    ASSERTS[step["check"]](run, step)


def _generation_changed(run: Run, step: Step) -> None:
    before, after = run.generations[step["kind"]][-2:]
    assert before != after, f"the generation stayed {before}"


def _of_every_answer(run: Run, step: Step) -> None:
    """What is asserted of the answers of a loop is what the custom `only_backend` looks at."""
    _needs_custom(run, "only_backend")


def _needs_custom(run: Run, check: str) -> None:
    if not any(step["op"] == "custom" and step["check"] == check for step in run.test.steps):
        raise UnknownStepError(f"the step stands for a custom {check!r}, which the test does not have")


def _pod_logs(run: Run, step: Step) -> None:
    """The lines are counted by the custom that follows."""
    _needs_custom(run, "mirror_percentage")


def _expect_mirrored(run: Run, step: Step) -> None:
    """The request of which the logs must tell is the next one."""
    run.log_regex = step["log_regex"]


def _pass_time(run: Run, step: Step) -> None:
    """What a test sleeps for is another second in `creationTimestamp`."""
    run.server.pass_time(step["seconds"])


def _nothing(run: Run, step: Step) -> None:
    """A loop of the suite, whose body follows; or a list of pods, which the replay has already."""


def _custom(run: Run, step: Step) -> None:
    CUSTOMS[step["check"]](run, step)


def _static_address(run: Run, _step: Step) -> None:
    """The Gateway has the one address that it asks for, of the same type."""
    gateway = next(each["gateway"] for each in run.test.steps if "gateway" in each)
    key = Key.parse("Gateway", gateway)

    def has_it() -> None:
        wanted, found = run.server.get(key)["spec"]["addresses"], run.reader.latest(key).get("addresses")
        assert found == wanted, f"addresses are {found}, wanted {wanted}"

    eventually(has_it, f"addresses of {key}")


def _manual_endpoint_slices(run: Run, _step: Step) -> None:
    """Write the pods of a backend into the EndpointSlices that belong to no Service's selector."""
    pods = run.pods.of("gateway-conformance-infra", "infra-backend-v1")
    for name in ("manual-endpointslices-ip4", "headless-manual-endpointslices-ip4"):
        key = Key("EndpointSlice", "gateway-conformance-infra", name)
        run.server.patch(key, {"endpoints": endpoints(pods)})


def _infrastructure_metadata(run: Run, _step: Step) -> None:
    """Without Kubernetes there is one thing that is made for a Gateway: the bootstrap of its Envoy."""
    gateway = next(each["gateway"] for each in run.test.steps if "gateway" in each)
    infrastructure = run.server.get(Key.parse("Gateway", gateway))["spec"]["infrastructure"]
    settings = str(run.reader.daemon.settings_path)
    command = [sys.executable, "-m", "egxds", "bootstrap", "-c", settings, "--gateway", gateway, "-o", "json"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    said = list(_mappings(json.loads(done.stdout)["node"]))
    for what, wanted in infrastructure.items():
        assert any(wanted.items() <= each.items() for each in said), f"the bootstrap's node has no {what} {wanted}"


def _mappings(value: Any) -> Iterator[Mapping[str, Any]]:
    if isinstance(value, Mapping):
        yield value
        for each in value.values():
            yield from _mappings(each)


ASSERTS: Mapping[str, Do] = {
    "generation_changed": _generation_changed,
    "Falsef": _of_every_answer,
    "Truef": _of_every_answer,
}

CUSTOMS: Mapping[str, Do] = {
    "infrastructure_metadata": _infrastructure_metadata,
    "manual_endpointslices": _manual_endpoint_slices,
    "mirror_percentage": distribution.mirror_percentage,
    "named_by_header": distribution.named_by_header,
    "only_backend": distribution.only_backend,
    "static_address": _static_address,
}

STEPS: Mapping[str, Do] = {
    "gateway_and_routes_accepted": _gateway_accepted,
    "gateway_and_tlsroutes_accepted": _gateway_and_tls_routes_accepted,
    "routes_and_parent_accepted": _parent_accepted,
    "wait_gateway_address": _gateway_address,
    "status": _status,
    "http": traffic.http,
    "https": traffic.http,
    "grpc": traffic.grpc_call,
    "tcp": traffic.tcp,
    "tcp_echo": traffic.tcp_echo,
    "udp_echo": traffic.udp_echo,
    "dns": traffic.dns,
    "websocket": traffic.websocket,
    "tls_rejected": traffic.tls_rejected,
    "weighted": distribution.weighted,
    "expect_mirrored": _expect_mirrored,
    "pod_logs": _pod_logs,
    "get": _get,
    "list": _nothing,
    "create": _create,
    "patch": _patch,
    "delete": _delete,
    "assert": _assert,
    "sleep": _pass_time,
    "eventually": _nothing,
    "poll": _nothing,
    "custom": _custom,
}
