"""An extension server in Python, for egxds and for Envoy Gateway alike: it puts a header on all answers.

    python server.py --listen 127.0.0.1:5005

The stubs come with egxds; other languages generate theirs from protos/extension.proto. An Envoy message travels as its
bytes, and is read and written with the classes of xds-protos.
"""

from __future__ import annotations

import argparse
import asyncio

from envoy.config.route.v3.route_components_pb2 import VirtualHost
from grpclib.health.service import Health
from grpclib.server import Server
from grpclib.utils import graceful_exit

from egxds.generated.envoygateway.extension import (
    EnvoyGatewayExtensionBase,
    PostVirtualHostModifyRequest,
    PostVirtualHostModifyResponse,
)


class ServedBy(EnvoyGatewayExtensionBase):
    """The hooks that this server has; egxds calls those that `post` names."""

    async def post_virtual_host_modify(self, message: PostVirtualHostModifyRequest) -> PostVirtualHostModifyResponse:
        """Return the virtual host that is to be used in the place of the one that is given."""
        host = VirtualHost.FromString(message.virtual_host)
        header = host.response_headers_to_add.add().header
        header.key, header.value = "x-served-by", "an extension in Python"
        return PostVirtualHostModifyResponse(virtual_host=host.SerializeToString())


async def serve(host: str, port: int) -> None:
    """Serve until SIGTERM or SIGINT."""
    server = Server([ServedBy(), Health()])
    with graceful_exit([server]):
        await server.start(host, port)
        await server.wait_closed()


def main() -> None:
    """Read the command line and serve."""
    parser = argparse.ArgumentParser(description="An extension server.")
    parser.add_argument("--listen", default="127.0.0.1:5005", help="where to listen for egxds")
    host, _, port = parser.parse_args().listen.rpartition(":")
    asyncio.run(serve(host, int(port)))


if __name__ == "__main__":
    main()
