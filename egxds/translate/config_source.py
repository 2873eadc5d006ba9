"""Where Envoy is told to fetch the resources that others refer to: from the stream it already has. Pure."""

from __future__ import annotations

from envoy.config.core.v3.config_source_pb2 import AggregatedConfigSource, ApiVersion, ConfigSource


def ads_source() -> ConfigSource:
    """Return the source of every reference: ADS, with Envoy's own initial_fetch_timeout of 15 s.

    A timeout of 0 would let one missed answer hang a cluster or a listener for ever, acknowledgements of CDS
    included; with 15 s the worst is a late, empty start, and a later push heals it. The bytes must be the same
    everywhere and always: Envoy takes a secret whose source differs as another secret, does not ask for it
    again, and refuses every handshake until it is pushed.
    """
    return ConfigSource(ads=AggregatedConfigSource(), resource_api_version=ApiVersion.V3)
