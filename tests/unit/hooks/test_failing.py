"""Which hooks fail for some Gateway: told when that begins and when it is over, of all Gateways together."""

from __future__ import annotations

from egxds.hooks.health.failing import FailingHooks
from egxds.settings.extensions import Hook

ROUTE, HOST = ("authz", Hook.ROUTE), ("authz", Hook.VIRTUAL_HOST)


def test_a_hook_fails_until_it_does_for_no_gateway() -> None:
    """Twice the same is no news, nor is one more Gateway."""
    failing = FailingHooks()
    assert failing.run_ended("a", [ROUTE, ROUTE]) == {ROUTE: True}
    assert failing.run_ended("a", [ROUTE]) == {}
    assert failing.run_ended("b", [ROUTE, HOST]) == {HOST: True}
    assert failing.run_ended("a", []) == {}
    assert failing.run_ended("b", [HOST]) == {ROUTE: False}
    assert failing.run_ended("b", []) == {HOST: False}


def test_what_fails_now() -> None:
    """Each that fails for some Gateway is named once, by extension and then by hook."""
    failing = FailingHooks()
    assert failing.now() == ()
    failing.run_ended("a", [HOST, ROUTE])
    failing.run_ended("b", [ROUTE])
    failing.run_ended("a", [])
    assert failing.now() == (ROUTE,)
