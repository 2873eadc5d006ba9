"""The whole input, resolved → the Envoy resources of each Gateway, doing again only what changed. Pure.

The resolution says where it differs from the one before: which Gateways are others, and which endpoints. Those Gateways
are translated again, and those at which a rule sends to such endpoints; no other one is looked at. What comes out says
so in the same terms, by revisions that know where they differ, down to the virtual host and the cluster:

    what changed                 what is made again
    a route                      its Envoy routes, the virtual hosts that they stand in, its clusters
    addresses                    endpoints of the clusters that use them; the cluster, where Envoy resolves names
    a certificate                its Secret
    anything else of a Gateway   its Envoy Listeners, and those RouteConfigurations whose hostnames are others

What comes out equal is the same object as before. What history there was makes no difference to the bytes: virtual
hosts are sorted by name, routes by their places, and whatever else is in order is in that of one object.

Of all there is, the interpreter copies mappings of names and joins ready bytes, and nothing else is done: a copy of the
mapping of each group that differs (virtual hosts, RouteConfigurations, clusters, endpoints, secrets, hook contexts,
Gateways), of the sorted virtual hosts with their bytes, and within a virtual host of its routes.
"""

from __future__ import annotations

from egxds.incremental.revision import Revision
from egxds.model.resolve.resolved import Resolution, ResolvedGateway
from egxds.model.resolve.upstreams import EndpointTable
from egxds.object_key import ObjectKey
from egxds.resources.translation import GatewayTranslation
from egxds.settings.client_traffic import AS_BY_DEFAULT, ClientTrafficSettings
from egxds.translate.backends.endpoint_users import EndpointUsers
from egxds.translate.gateway_translator import GatewayTranslator


class Translator:
    """Translates Gateways and remembers, for each, what its last translation was made from."""

    def __init__(self, traffic: ClientTrafficSettings = AS_BY_DEFAULT) -> None:
        """Start without Gateways.

        Args:
            traffic: how requests are taken, at all of them.
        """
        self._traffic = traffic
        self._start_over()

    def update(self, resolution: Resolution) -> Revision[str, GatewayTranslation]:
        """Return the translation of every Gateway, by its name; what did not change is the same object as before.

        Args:
            resolution: the whole input, decided.
        """
        try:
            return self._update(resolution)
        except BaseException:
            # What stopped halfway is not to be gone on with.
            self._start_over()
            raise

    def _start_over(self) -> None:
        self._translators: dict[ObjectKey, GatewayTranslator] = {}
        self._users = EndpointUsers()
        self._gateways: Revision[ObjectKey, ResolvedGateway] = Revision()
        self._endpoints: EndpointTable = Revision()
        self._translations: Revision[str, GatewayTranslation] = Revision()

    def _update(self, resolution: Resolution) -> Revision[str, GatewayTranslation]:
        before, now, table = self._gateways, resolution.gateways, resolution.endpoints
        moved = self._users.of(table.changed_since(self._endpoints))
        changed = now.changed_since(before)
        # What is served as one with others is translated there.
        gone = [key for key in changed if key not in now or now[key].served_as]
        for key in gone:
            self._forget(key)
        translations = [
            self._translator(key).update(now[key], table, moved.get(key, ()))
            for key in changed.union(moved).difference(gone)
        ]
        self._translations = self._translations.edited(
            {each.gateway: each for each in translations},
            [before[key].name for key in gone if key in before and not before[key].served_as],
        )
        self._gateways, self._endpoints = now, table
        return self._translations

    def _translator(self, key: ObjectKey) -> GatewayTranslator:
        found = self._translators.get(key)
        if found is None:
            found = self._translators[key] = GatewayTranslator(key, self._users, self._traffic)
        return found

    def _forget(self, key: ObjectKey) -> None:
        translator = self._translators.pop(key, None)
        if translator is not None:
            translator.forget()
