"""What is asked of tokens at a Gateway → the configuration of its filter for them, doing again only what changed. Pure.

    requirements by name (`asked_for`) ──> providers, encoded, joined by name
                                      └──> servers of keys (`needed_servers`)

Envoy has the providers of all policies in one filter (`http_filters.jwt`). One that comes, goes or is another is
encoded alone; the others' bytes are sorted and joined by the interpreter.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from envoy.config.core.v3.extension_pb2 import TypedExtensionConfig
from envoy.extensions.filters.http.jwt_authn.v3.config_pb2 import JwtAuthentication
from google.protobuf.any_pb2 import Any as AnyMessage

from egxds import names
from egxds.incremental.identity import keep_equal
from egxds.incremental.revision import Revision
from egxds.model.resolve.features.fetched_keys import FetchedKeys
from egxds.model.resolve.features.jwt import JWT, TokenRequirement
from egxds.model.resolve.features.policy_servers import PolicyServer
from egxds.object_key import ObjectKey
from egxds.resources.encoding import encode
from egxds.resources.resource import Resource, Resources
from egxds.translate.asked_for import AskedFor
from egxds.translate.http_filters.jwt import FILTER, token_providers, token_requirement
from egxds.translate.needed_servers import NeededServers, ServersEdit, take_off

_TYPE = names.TYPE_PREFIX + JwtAuthentication.DESCRIPTOR.full_name


class TokenRequirements:
    """Knows what is asked of tokens at one Gateway.

    Attributes:
        asked: is told of routes and listeners.
        configs: the configuration of the filter, as it is fetched; nothing at a Gateway that looks at no requests.
    """

    def __init__(self, gateway: ObjectKey) -> None:
        """Start without listeners.

        Args:
            gateway: the Gateway.
        """
        self.asked = AskedFor(JWT.field, TokenRequirement)
        self.configs: Resources = Revision()
        self._name = FILTER.name_at(f"{gateway.namespace}/{gateway.name}")
        self._gateway = gateway
        self._known: dict[str, _Written] = {}
        self._providers: dict[str, bytes] = {}
        self._requirements: dict[str, bytes] = {}
        self._policies: Counter[ObjectKey] = Counter()
        self._servers = NeededServers()

    def update(self, reads_requests: bool) -> ServersEdit:
        """Write what is asked now.

        Args:
            reads_requests: whether any listener of the Gateway does.
        """
        now, gone = self.asked.changes()
        for name in (*gone, *now):
            self._forget(name)
        for found in now.values():
            self._know(found)
        if gone or now or bool(self.configs) != reads_requests:
            self.configs = self.configs.renewed(self._written() if reads_requests else {})
        return self._servers.edit()

    def _forget(self, name: str) -> None:
        """Take a requirement out, if it is in."""
        self._servers.let_go(name)
        written = self._known.pop(name, None)
        if written is None:
            return
        del self._requirements[name]
        take_off(self._policies, written.requirement.policies)
        for provider in written.providers:
            del self._providers[provider]

    def _know(self, found: TokenRequirement) -> None:
        """Put a requirement in."""
        providers = dict(token_providers(found))
        for name, provider in providers.items():
            self._providers[name] = encode(JwtAuthentication(providers={name: provider}))
        self._requirements[found.name] = encode(
            JwtAuthentication(requirement_map={found.name: token_requirement(found)})
        )
        self._servers.need(found.name, found.policies, _servers_of(found))
        self._policies.update(found.policies)
        self._known[found.name] = _Written(found, tuple(providers))

    def _written(self) -> dict[str, Resource]:
        body = b"".join((*_in_order(self._providers), *_in_order(self._requirements)))
        config = TypedExtensionConfig(name=self._name, typed_config=AnyMessage(type_url=_TYPE, value=body))
        sources = tuple(sorted((self._gateway, *self._policies)))
        resource = Resource(names.EXTENSION_CONFIG, self._name, encode(config), sources)
        return {self._name: keep_equal(self.configs.get(self._name), resource)}


@dataclass(frozen=True, slots=True)
class _Written:
    """A requirement, with the names of its providers."""

    requirement: TokenRequirement
    providers: tuple[str, ...] = field(repr=False)


def _servers_of(found: TokenRequirement) -> Iterator[PolicyServer]:
    return (each.keys.server for each in found.providers if isinstance(each.keys, FetchedKeys))


def _in_order(encoded: Mapping[str, bytes]) -> Iterator[bytes]:
    return map(encoded.__getitem__, sorted(encoded))
