"""Has the metrics of Envoys ask those who know them, when they are scraped."""

from __future__ import annotations

import time

from egxds.inspect.envoys import Lag
from egxds.inspect.status import StatusStore
from egxds.names import SHORT_NAMES
from egxds.telemetry import Metrics
from egxds.telemetry.asked_gauge import MOST_SERIES, Rows
from egxds.telemetry.metrics import OTHER_TYPE


def show_envoys(metrics: Metrics, status: StatusStore) -> None:
    """Show who is connected, lost or behind, and who refuses what.

    Args:
        metrics: where it is shown.
        status: what is known of Envoys.
    """
    envoys, refusals = status.envoys, status.refusals

    def lags() -> list[Lag]:
        # The first behind those that are shown is the slowest of them.
        return envoys.lags(time.time(), MOST_SERIES + 1)

    def refused_seconds() -> Rows:
        now_s = time.time()
        return [((one.node_id, _word(one.type_url)), max(0.0, now_s - one.since_s)) for one in refusals.types()]

    metrics.xds_connected_nodes.set_function(lambda: envoys.connected)
    metrics.xds_lost_nodes.set_function(lambda: envoys.lost_count(time.time()))
    metrics.xds_node_lost_timestamp_seconds.ask(lambda: [((node,), at_s) for node, at_s in envoys.lost(time.time())])
    metrics.xds_node_lag_seconds.ask(lambda: [((lag.node_id,), lag.seconds) for lag in lags()])
    metrics.xds_node_lag_generations.ask(lambda: [((lag.node_id,), lag.generations) for lag in lags()])
    metrics.xds_node_refused_resources.ask(
        lambda: [((one.node_id, _word(one.type_url)), one.count) for one in refusals.types()]
    )
    metrics.xds_client_certificate_expiry_timestamp_seconds.ask(
        lambda: [((node,), ends_s) for node, ends_s in status.client_certificates.first(MOST_SERIES + 1)]
    )
    metrics.xds_node_refused_seconds.ask(refused_seconds)


def _word(type_url: str) -> str:
    return SHORT_NAMES.get(type_url, OTHER_TYPE)
