"""Whatever is edited in which order, EnvoyProxies come to what they come to from the last state alone."""

from __future__ import annotations

from collections.abc import Mapping
from random import Random
from typing import Any

import pytest

from egxds.model.resolve.resolved import Resolution
from egxds.model.resolver import Resolver
from tests.unit.model.test_collectors import FROM, TO, ref, traced
from tests.unit.model.test_envoy_proxies import CLASS, OWN, own, proxy, to_file
from tests.unit.model.texts import backend, endpoint_slice, gateway, gateway_class, grant, of, secret, service
from tests.unit.model.told import problems, statuses
from tests.unit.model.worlds import World, options

_SERVICE = {"name": "app", "port": 80}
_SHOWN = {"clientCertificateRef": {"name": "cert"}}

VARIANTS: Mapping[str, list[str]] = {
    "class": [CLASS, gateway_class(), gateway_class(controller="others"), CLASS.replace("wide", "gone"), ""],
    "gateway": [OWN, gateway(), OWN.replace("name: own", "name: gone"), ""],
    "second": [gateway("second"), OWN.replace('"web"', '"second"')],
    "wide": [
        proxy(telemetry=traced(ref(namespace="default"))),
        proxy(telemetry=to_file("/a"), backendTLS=_SHOWN),
        proxy(telemetry=traced({"name": "app", "port": 80, "namespace": "default"})),
        proxy(preserveRouteOrder=True),
        "",
    ],
    "own": [
        own(telemetry=traced(_SERVICE)),
        own(mergeType="JSONMerge", backendTLS=_SHOWN),
        own(mergeType="StrategicMerge", telemetry=to_file("/b")),
        own(telemetry=traced(ref(), samplingRate=1)),
        "",
    ],
    "backend": [backend("[{ip: {address: 10.0.0.7, port: 1}}]"), backend("[{fqdn: {hostname: a.test, port: 1}}]"), ""],
    "service": [service(), service(ports="[{name: http, port: 81}]"), ""],
    "slice": [endpoint_slice(), endpoint_slice(addresses="[{addresses: [10.0.0.9]}]"), ""],
    "secret": [secret(), secret(certificate="bad", type_="Opaque"), ""],
    "grant": [grant("default", FROM, TO), grant("default", FROM, "[{group: '', kind: Service}]"), ""],
}


def _described(resolution: Resolution) -> tuple[Any, ...]:
    found = {
        key: (
            each.proxy,
            each.client_certificate,
            each.lacks_certificate,
            [listener.name for listener in each.listeners],
        )
        for key, each in resolution.gateways.items()
    }
    return found, statuses(resolution), problems(resolution)


@pytest.mark.parametrize("seed", range(20))
def test_edits_come_to_what_the_last_state_comes_to(seed: int) -> None:
    """Nothing is left standing that somebody read, and nobody is left out who names it."""
    chance, world = Random(seed), World()
    written = {name: chance.choice(variants) for name, variants in VARIANTS.items()}
    for _ in range(12):
        for name in chance.sample(sorted(VARIANTS), 2):
            written[name] = chance.choice(VARIANTS[name])
        state = world.store.update(of(*filter(None, written.values())))
        now = world.resolver.resolve(state)
        fresh = Resolver(options(), world.resolver.owners).resolve(state)
        assert _described(now) == _described(fresh)
