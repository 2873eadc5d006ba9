"""filterOrder: positions that do not contradict each other; the usual order where they do. Pure."""

from __future__ import annotations

from egxds.model.api.envoy_proxy.filter_order import FilterPosition, contradiction
from egxds.model.api.envoy_proxy.proxy import EnvoyProxySpec
from egxds.model.resolve.faults import Fault, Reason
from egxds.model.resolve.proxies.context import ProxyContext
from egxds.model.resolve.proxies.feature import ProxyFeature, Resolved

_Positions = tuple[FilterPosition, ...]


def _asked(spec: EnvoyProxySpec) -> _Positions | None:
    return spec.filter_order or None


def _resolve(asked: _Positions, context: ProxyContext) -> Resolved:
    found = contradiction(asked)
    if not found:
        return Resolved(asked)
    told = ", ".join(f"{one} before {other}" for one, other in zip(found, (*found[1:], found[0]), strict=True))
    message = f"filterOrder contradicts itself ({told}); filters stand in the usual order"
    return Resolved((), errors=(Fault(Reason.INVALID_PARAMETERS, message, context.path),))


FILTER_ORDER = ProxyFeature(("filterOrder",), _asked, _resolve)
