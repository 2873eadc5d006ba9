"""What the Envoys of a class go without, followed through changes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from egxds.app.exclusions import Exclusions, ExclusionTable
from egxds.model.resolve.listener_protocols import Transport
from egxds.model.resolve.resolved import ResolvedGateway
from tests.unit.translate.builders import gateway, listener
from tests.unit.translate.reading import resolution_of

WINNER = gateway(listener("http"), name="old")
LOSER = gateway(listener("tls", port=443), listener("http"), listener("more", hostname="a.example"), name="new")
CONFLICT = {"egxds": frozenset({("default/new", 80, Transport.TCP)})}


def _follow(
    table: ExclusionTable, conflicts: Mapping[str, frozenset[tuple[str, int, Transport]]], *gateways: ResolvedGateway
) -> Exclusions:
    return table.update(replace(resolution_of(*gateways), class_conflicts=conflicts))


def test_a_loser_goes_without_the_envoy_listener_of_the_port() -> None:
    """It is named after the first of the Gateway's listeners there."""
    assert _follow(ExclusionTable(), CONFLICT, WINNER, LOSER) == {"egxds": {("default/new", "default/new/http")}}


def test_nothing_new_is_the_same_object() -> None:
    """Whoever compares by identity has nothing to do."""
    table = ExclusionTable()
    assert _follow(table, CONFLICT, WINNER, LOSER) is _follow(table, dict(CONFLICT), WINNER, LOSER)


def test_another_first_listener_is_another_name() -> None:
    """The conflict is the same, and what it means has changed."""
    table = ExclusionTable()
    _follow(table, CONFLICT, WINNER, LOSER)
    turned = replace(LOSER, listeners=tuple(reversed(LOSER.listeners)))
    assert _follow(table, CONFLICT, WINNER, turned) == {"egxds": {("default/new", "default/new/more")}}


def test_a_conflict_that_is_over_is_told() -> None:
    """Else the class would go without the listener for ever."""
    table = ExclusionTable()
    _follow(table, CONFLICT, WINNER, LOSER)
    assert _follow(table, {}, LOSER) == {"egxds": frozenset()}


def test_without_conflicts_there_is_nothing() -> None:
    """No class has to be told of."""
    assert _follow(ExclusionTable(), {}, WINNER) == {}
