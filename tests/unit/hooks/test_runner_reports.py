"""What people are told of the hooks of a real extension server: states, counts and the log."""

from __future__ import annotations

import pytest
from structlog.testing import capture_logs

from egxds.hooks.health.reports import FailedSubject, HookReport, HookState
from egxds.hooks.run.runner import HookRunner
from egxds.object_key import ObjectKey
from egxds.settings.extensions import Hook
from egxds.telemetry import Metrics
from tests.extension_server.handle import ExtensionHandle
from tests.unit.hooks.followers import (
    manager_of,
    order,
)
from tests.unit.hooks.gateways import (
    HOST_A,
    HTTP,
    HTTPS,
    translation,
)

pytestmark = pytest.mark.anyio


async def test_each_hook_says_how_it_is_doing(extension: ExtensionHandle) -> None:
    """Healthy, failing, and never called are told apart, with counts and the last error."""
    runner = HookRunner((manager_of(extension, policy="hold"),), Metrics())
    assert {report.state for report in runner.states()} == {HookState.NEVER_CALLED}
    await order(extension, "internal", hook="VirtualHost")
    await runner.run(translation(), None)
    by_hook = {report.hook: report for report in runner.states()}
    healthy = dict.fromkeys(Hook, HookState.HEALTHY)
    states = {hook: report.state for hook, report in by_hook.items()}
    assert states == healthy | {Hook.VIRTUAL_HOST: HookState.FAILING}
    failing: HookReport = by_hook[Hook.VIRTUAL_HOST]
    assert (failing.manager, failing.policy, failing.calls, failing.failures) == ("authz", "hold", 3, {"status": 3})
    assert (failing.consecutive_failures, failing.last_success_s) == (3, None)
    assert failing.last_error == "INTERNAL: told to be internal"
    assert failing.next_retry_s is not None
    await runner.aclose()


async def test_a_hook_says_what_it_fails_on_and_what_is_done_about_it(extension: ExtensionHandle) -> None:
    """envoyproxy/ai-gateway issue 2600: the extension's words name neither the listener nor the Gateway."""
    runner = HookRunner((manager_of(extension, hooks=("VirtualHost", "HTTPListener")),), Metrics())
    await order(extension, "internal", hook="HTTPListener")
    await runner.run(translation(), None)
    by_hook = {report.hook: report for report in runner.states()}
    error = "INTERNAL: told to be internal"
    gateway = (ObjectKey("gateway.networking.k8s.io", "Gateway", "shop", "gw"),)
    found = by_hook[Hook.HTTP_LISTENER].failed
    assert found == tuple(
        FailedSubject("shop/gw", listener, "deny", error, "status", found[0].since_s, gateway)
        for listener in (HTTP, HTTPS)
    )
    assert by_hook[Hook.HTTP_LISTENER].failed_count == 2
    assert (by_hook[Hook.VIRTUAL_HOST].failed, by_hook[Hook.VIRTUAL_HOST].failed_count) == ((), 0)
    await order(extension, "ok")
    await runner.run(translation(), None)
    assert not any(report.failed for report in runner.states())
    await order(extension, "internal", hook="HTTPListener")
    runner.forget_replies()
    await runner.run(translation(), None)
    runner.forget("shop/gw")
    assert not any(report.failed for report in runner.states())
    await runner.aclose()


async def test_calls_are_counted(extension: ExtensionHandle) -> None:
    """The metrics tell results apart, replies from memory included."""
    metrics = Metrics()
    runner = HookRunner((manager_of(extension, hooks=("VirtualHost", "HTTPListener")),), metrics)
    await order(extension, "internal", hook="HTTPListener")
    for _ in range(2):
        await runner.run(translation(), None)
    await runner.aclose()

    def count(hook: str, result: str) -> float | None:
        labels = {"manager": "authz", "hook": hook, "result": result}
        return metrics.registry.get_sample_value("egxds_hook_calls_total", labels)

    assert (count("VirtualHost", "ok"), count("VirtualHost", "cached"), count("HTTPListener", "status")) == (3, 3, 4)
    sizes = {"manager": "authz", "hook": "VirtualHost", "direction": "reply"}
    assert metrics.registry.get_sample_value("egxds_hook_message_bytes_count", sizes) == 3
    denied = {"manager": "authz", "hook": "HTTPListener", "policy": "deny"}
    assert metrics.registry.get_sample_value("egxds_hook_generations_total", denied) == 2


async def test_a_failure_is_logged_once_and_so_is_the_recovery(extension: ExtensionHandle) -> None:
    """What is said again and again is said for debugging only."""
    runner = HookRunner((manager_of(extension, hooks=("VirtualHost",)),), Metrics())
    with capture_logs() as lines:
        await order(extension, "internal")
        for _ in range(3):
            await runner.run(translation(), None)
        await order(extension, "ok")
        await runner.run(translation(), None)
    await runner.aclose()
    said = [(line["event"], line["log_level"]) for line in lines if line["log_level"] != "debug"]
    assert said == [("hook.failed", "warning"), ("hook.recovered", "info")]
    assert lines[0] == {
        "event": "hook.failed",
        "log_level": "warning",
        "gateway": "shop/gw",
        "manager": "authz",
        "hook": "VirtualHost",
        "subject": HOST_A,
        "objects": ["HTTPRoute shop/cart"],
        "sources": [],
        "failures": 3,
        "reason": "status",
        "error": "INTERNAL: told to be internal",
        "policy": "deny",
    }
