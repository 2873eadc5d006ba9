"""Which servers decide who gets in at a Gateway → their clusters, and the filter that asks some. Pure.

Follows what changed. Those that are told something with every question are in a filter that is fetched
(`http_filters.ext_auth_context`), of which what is about each is encoded alone, and joined by the interpreter.
"""

from __future__ import annotations

from collections import Counter

from envoy.config.core.v3.extension_pb2 import TypedExtensionConfig
from envoy.extensions.common.matching.v3.extension_matcher_pb2 import ExtensionWithMatcher
from google.protobuf.any_pb2 import Any as AnyMessage

from egxds import names
from egxds.incremental.identity import keep_equal
from egxds.incremental.revision import Revision
from egxds.model.resolve.features.ext_auth import EXT_AUTH, ServerAuthorization
from egxds.object_key import ObjectKey
from egxds.resources.encoding import encode
from egxds.resources.resource import Resource, Resources
from egxds.translate.asked_for import AskedFor
from egxds.translate.http_filters.ext_auth_context import FILTER, asking_filter
from egxds.translate.needed_servers import NeededServers, ServersEdit, take_off

_TYPE = names.TYPE_PREFIX + ExtensionWithMatcher.DESCRIPTOR.full_name


class AuthorizationServers:
    """Knows who is asked at one Gateway.

    Attributes:
        asked: is told of routes and listeners.
        configs: the filter that is fetched; nothing at a Gateway that looks at no requests.
    """

    def __init__(self, gateway: ObjectKey) -> None:
        """Start without listeners.

        Args:
            gateway: the Gateway.
        """
        self.asked = AskedFor(EXT_AUTH.field, ServerAuthorization)
        self.configs: Resources = Revision()
        self._name = FILTER.name_at(f"{gateway.namespace}/{gateway.name}")
        self._gateway = gateway
        self._servers = NeededServers()
        self._asking: dict[str, bytes] = {}
        self._policies: Counter[ObjectKey] = Counter()
        self._policies_of: dict[str, tuple[ObjectKey, ...]] = {}

    def update(self, reads_requests: bool) -> ServersEdit:
        """Write who is asked now.

        Args:
            reads_requests: whether any listener of the Gateway does.
        """
        now, gone = self.asked.changes()
        for name in (*gone, *now):
            self._servers.let_go(name)
            self._asking.pop(name, None)
            take_off(self._policies, self._policies_of.pop(name, ()))
        for name, found in now.items():
            self._servers.need(name, found.policies, (found.server,))
            if found.tells_context:
                self._asking[name] = encode(asking_filter(found))
                self._policies_of[name] = found.policies
                self._policies.update(found.policies)
        if gone or now or bool(self.configs) != reads_requests:
            self.configs = self.configs.renewed(self._written() if reads_requests else {})
        return self._servers.edit()

    def _written(self) -> dict[str, Resource]:
        body = encode(FILTER.idle) + b"".join(map(self._asking.__getitem__, sorted(self._asking)))
        config = TypedExtensionConfig(name=self._name, typed_config=AnyMessage(type_url=_TYPE, value=body))
        sources = tuple(sorted((self._gateway, *self._policies)))
        resource = Resource(names.EXTENSION_CONFIG, self._name, encode(config), sources)
        return {self._name: keep_equal(self.configs.get(self._name), resource)}
