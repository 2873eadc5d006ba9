"""A credential that the requests of a rule are given → a filter of the cluster that they go to. Pure.

Envoy's filter for it takes nothing per route, and Envoy Gateway has one in the Listener for each route: so each that
comes or goes drains its connections. As what a route says of a composite filter it never gets its secret (seen with
Envoy 1.40: 401 to everything). In the cluster of the rule it is where nothing is drained, and the cluster waits for the
secret (SDS). Another credential is sent as soon as it is there, and neither cluster nor route is another for it.

It acts on each attempt to send a request, behind all filters of the listener, and not on copies for mirrors.
"""

from __future__ import annotations

from envoy.config.core.v3.extension_pb2 import TypedExtensionConfig
from envoy.extensions.filters.http.credential_injector.v3.credential_injector_pb2 import CredentialInjector
from envoy.extensions.filters.network.http_connection_manager.v3.http_connection_manager_pb2 import HttpFilter
from envoy.extensions.http.injected_credentials.generic.v3.generic_pb2 import Generic
from envoy.extensions.transport_sockets.tls.v3.secret_pb2 import SdsSecretConfig

from egxds import names
from egxds.model.resolve.route_filters import Injection
from egxds.resources.encoding import pack
from egxds.translate.backend_traffic.draft import ClusterDraft
from egxds.translate.config_source import ads_source


def inject_credential(draft: ClusterDraft, injection: Injection) -> None:
    """Have requests given a credential.

    Args:
        draft: the cluster.
        injection: the credential.
    """
    injector = HttpFilter(name="envoy.filters.http.credential_injector", typed_config=pack(_injector(injection)))
    draft.http.http_filters.append(injector)


def _injector(injection: Injection) -> CredentialInjector:
    name = names.credential_name(injection.secret.namespace, injection.secret.name)
    generic = Generic(
        credential=SdsSecretConfig(name=name, sds_config=ads_source()),
        header=injection.header,
    )
    credential = TypedExtensionConfig(name="envoy.http.injected_credentials.generic", typed_config=pack(generic))
    return CredentialInjector(overwrite=injection.overwrites, credential=credential)
