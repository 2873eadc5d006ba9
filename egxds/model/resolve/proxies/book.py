"""What EnvoyProxies come to: at each Gateway, and by themselves. Pure; follows what changed.

Source: Envoy Gateway v1.9. That of a Gateway stands in the place of its class', or is merged over it where it asks for
that. Merged or not, what a feature refers to is looked for from the EnvoyProxy that brings the feature.

    cannot be read               what was accepted last stays in force; if there is nothing of that, it is missing
    missing, named by a Gateway  the Gateway is not served: nobody knows what it asks
    missing, named by a class    the class is not accepted, and none of its Gateways is served
    telemetry that cannot be     is left out, be it one of several logs: nothing of it is about access
    a certificate for backends   has them not reached by TLS as long as it cannot be had
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from pydantic import ValidationError

from egxds.incremental.identity import keep_equal
from egxds.model.api.envoy_proxy.proxy import ENVOY_PROXY, EnvoyProxySpec, as_written
from egxds.model.api.gateway import GATEWAY_CLASS, GatewaySpec
from egxds.model.api.object import ApiObject
from egxds.model.api.validation import Path
from egxds.model.resolve.dependents import Changed, Dependents, Query
from egxds.model.resolve.faults import Fault, Reason
from egxds.model.resolve.features.reached import PolicyBackends
from egxds.model.resolve.index import ObjectIndex
from egxds.model.resolve.merged_specs import merged_spec
from egxds.model.resolve.parameters import Proxy, class_parameters, class_target, gateway_parameters, gateway_target
from egxds.model.resolve.proxies.collectors import FoundCollector
from egxds.model.resolve.proxies.context import ProxyContext
from egxds.model.resolve.proxies.process import BootstrapCheck, bootstrap_faults, takes_every_bootstrap
from egxds.model.resolve.proxies.settings import AS_NOBODY_SAYS, ProxySettings
from egxds.model.resolve.proxies.table import PROXY_FEATURES
from egxds.object_key import ObjectKey

_Gateway = ApiObject[GatewaySpec]
_KEYED_LISTS = {"filterOrder": "name"}
"""Lists that StrategicMerge merges entry by entry."""

_CLASS_NAME: Path = ("spec", "gatewayClassName")


@dataclass(frozen=True, slots=True)
class ProxyVerdict:
    """An EnvoyProxy.

    Attributes:
        item: the EnvoyProxy.
        errors: what of it is not done.
        users: the GatewayClasses and Gateways of ours that name it, sorted.
        settings: what it comes to by itself.
    """

    item: Proxy
    errors: tuple[Fault, ...]
    users: tuple[ObjectKey, ...]
    settings: ProxySettings


@dataclass(frozen=True, slots=True)
class _Asked:
    """What is asked at a Gateway, by whom."""

    spec: EnvoyProxySpec
    owners: Mapping[str, ObjectKey]
    proxies: tuple[ObjectKey, ...]
    prefix: str = ""
    envoy: str = ""
    merge_fault: Fault | None = None


class ProxyBook:
    """Knows what every EnvoyProxy comes to."""

    def __init__(
        self, index: ObjectIndex, backends: PolicyBackends, bootstrap_fault: BootstrapCheck = takes_every_bootstrap
    ) -> None:
        """Start without any.

        Args:
            index: finds the objects.
            backends: finds what Envoy is to speak to itself.
            bootstrap_fault: says why an Envoy would not be served by a bootstrap.
        """
        self._index = index
        self._backends = backends
        self._bootstrap_fault = bootstrap_fault
        self._found: dict[ObjectKey, ProxyVerdict] = {}
        self._named: dict[ObjectKey, ObjectKey] = {}
        self._users: dict[ObjectKey, set[ObjectKey]] = {}
        self._dependents: Dependents[ObjectKey] = Dependents()

    def at(self, gateway: _Gateway) -> ProxySettings | Fault:
        """Return what is asked at a Gateway, or why nobody knows."""
        asked = self._asked(gateway)
        if asked is None or isinstance(asked, Fault):
            return asked or AS_NOBODY_SAYS
        return self._resolved(asked)

    def merges(self, gateway: _Gateway) -> bool:
        """Tell whether a Gateway is served as one with all others of its class."""
        return self.merges_class(gateway.content.gateway_class_name)

    def merges_class(self, name: str) -> bool:
        """Tell whether all Gateways of a class are served as one."""
        found = self._parameters(name)
        return found is not None and not isinstance(found, Fault) and bool(found.content.merge_gateways)

    def queries(self, gateway: _Gateway) -> Iterator[Query]:
        """Yield everything that is asked to find what is in force at a Gateway, its class aside."""
        item = self._index.state.of(GATEWAY_CLASS).get(GATEWAY_CLASS.key("", gateway.content.gateway_class_name))
        targets = (gateway_target(gateway), class_target(item) if item is not None else None)
        yield from (target for target in targets if target is not None)
        asked = self._asked(gateway)
        if isinstance(asked, _Asked):
            yield from _queries(asked)

    def update(
        self, changed: Changed, encrypted: AbstractSet[ObjectKey], named: Mapping[ObjectKey, ObjectKey | None]
    ) -> Mapping[ObjectKey, ProxyVerdict | None]:
        """Decide again about the EnvoyProxies that changed, or that others name now.

        Args:
            changed: what is others than before.
            encrypted: backends that may be spoken to otherwise.
            named: GatewayClasses and Gateways of ours that may name another than before, each with the one that it
                names; None of one that names none.
        """
        dirty = {*changed.of([ENVOY_PROXY.id]), *self._dependents.readers((*changed.queries, *encrypted))}
        for user, proxy in named.items():
            dirty |= self._name(user, proxy)
        return {key: self._judge(key) for key in dirty if key.group_kind == ENVOY_PROXY.id}

    def _name(self, user: ObjectKey, proxy: ObjectKey | None) -> set[ObjectKey]:
        """Note what somebody names; return the EnvoyProxies that are named by others than before."""
        before = self._named.pop(user, None)
        if proxy is not None:
            self._named[user] = proxy
        if before == proxy:
            return set()
        if before is not None:
            self._users[before].discard(user)
        if proxy is not None:
            self._users.setdefault(proxy, set()).add(user)
        return {each for each in (before, proxy) if each is not None}

    def _judge(self, key: ObjectKey) -> ProxyVerdict | None:
        before, item = self._found.pop(key, None), self._index.state.of(ENVOY_PROXY).get(key)
        if item is None:
            self._dependents.forget(key)
            return None
        asked = _by_itself(item, "", item.key.name)
        self._dependents.note(key, _queries(asked))
        users = tuple(sorted(self._users.get(key, ())))
        settings = self._resolved(asked)
        verdict = ProxyVerdict(item, settings.errors, users, settings)
        kept = self._found[key] = keep_equal(before, verdict)
        return kept

    def _asked(self, gateway: _Gateway) -> _Asked | Fault | None:
        name = gateway.content.gateway_class_name
        of_class = self._parameters(name)
        if isinstance(of_class, Fault):
            return Fault(of_class.reason, f"GatewayClass {name} is not accepted: {of_class.message}", _CLASS_NAME)
        # One Envoy cannot be as each of several Gateways would have it.
        own = None if self.merges(gateway) else gateway_parameters(gateway, self._index)
        if isinstance(own, Fault):
            return own
        prefix, envoy = f"{gateway.key.namespace}/{gateway.key.name}/", f"{gateway.key.name}.{gateway.key.namespace}"
        if own is None:
            return _by_itself(of_class, "", envoy) if of_class is not None else None
        if of_class is None or not own.content.is_merging:
            return _by_itself(own, prefix, envoy)
        return _merged(own, of_class, prefix, envoy)

    def _parameters(self, name: str) -> Proxy | Fault | None:
        """Return what a class names, or why it leads nowhere; None where it names nothing."""
        item = self._index.state.of(GATEWAY_CLASS).get(GATEWAY_CLASS.key("", name))
        return class_parameters(item, self._index) if item is not None else None

    def _resolved(self, asked: _Asked) -> ProxySettings:
        settings: dict[str, object] = {}
        collectors: list[FoundCollector] = []
        errors: list[Fault] = []
        for feature in PROXY_FEATURES:
            said = feature.asked(asked.spec)
            if said is None:
                continue
            path = ("spec", *feature.path)
            owner = asked.owners[feature.name]
            context = ProxyContext(owner, path, self._index, self._backends, asked.prefix, asked.envoy)
            found = feature.resolve(said, context)
            if found.value is not None:
                settings[feature.name] = found.value
            collectors += found.collectors
            errors += found.errors
        errors += bootstrap_faults(asked.spec, self._bootstrap_fault)
        return ProxySettings(asked.proxies, asked.spec, settings, tuple(collectors), tuple(errors), asked.merge_fault)


def _by_itself(proxy: Proxy, prefix: str, envoy: str) -> _Asked:
    owners = {feature.name: proxy.key for feature in PROXY_FEATURES}
    return _Asked(proxy.content, owners, (proxy.key,), prefix, envoy)


def _merged(below: Proxy, above: Proxy, prefix: str, envoy: str) -> _Asked:
    """Merge the EnvoyProxy of a Gateway over that of its class."""
    is_strategic = below.content.merge_type == "StrategicMerge"
    keyed = _KEYED_LISTS if is_strategic else {}
    raw = merged_spec(as_written(below.content), as_written(above.content), keyed)
    alone = _by_itself(below, prefix, envoy)
    try:
        spec = EnvoyProxySpec.model_validate(raw)
    except ValidationError:
        message = f"{below.key}, merged over {above.key}, has a mistake that none of the two has by itself: it is not"
        fault = Fault(Reason.INVALID_PARAMETERS, message, ("spec", "infrastructure", "parametersRef"))
        return _Asked(alone.spec, alone.owners, alone.proxies, prefix, envoy, fault)
    owners = {each.name: (below if each.asked(below.content) is not None else above).key for each in PROXY_FEATURES}
    return _Asked(spec, owners, (below.key, above.key), prefix, envoy)


def _queries(asked: _Asked) -> Iterable[Query]:
    for feature in PROXY_FEATURES:
        said = feature.asked(asked.spec)
        if said is not None:
            yield from feature.queries(said, asked.owners[feature.name])
