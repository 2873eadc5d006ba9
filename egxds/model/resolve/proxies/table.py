"""The features of EnvoyProxies: a row for each. Pure.

What a feature becomes is in `egxds.translate.proxies`.
"""

from __future__ import annotations

from egxds.model.resolve.proxies.access_log import ACCESS_LOG
from egxds.model.resolve.proxies.backend_tls import BACKEND_TLS
from egxds.model.resolve.proxies.feature import ProxyFeature
from egxds.model.resolve.proxies.filter_order import FILTER_ORDER
from egxds.model.resolve.proxies.metrics import METRICS
from egxds.model.resolve.proxies.process import EXTRA_ARGS
from egxds.model.resolve.proxies.tracing import TRACING

PROXY_FEATURES: tuple[ProxyFeature, ...] = (ACCESS_LOG, TRACING, METRICS, FILTER_ORDER, BACKEND_TLS, EXTRA_ARGS)
