"""Connections to one extension server, as the settings describe it."""

from __future__ import annotations

from pathlib import Path

from anyio import to_thread

from egxds.errors import CertificateError, StartError
from egxds.grpc.connections import Connections
from egxds.grpc.observed_channel import ObservedChannel
from egxds.hooks.remote.channel import channel_to
from egxds.hooks.remote.pem import SecretFinder, no_secrets
from egxds.hooks.remote.tls import ClientTls
from egxds.settings.extensions import ExtensionManager


class ServerConnections(Connections):
    """The way to one extension server."""

    def __init__(self, manager: ExtensionManager, base: Path, secrets: SecretFinder = no_secrets) -> None:
        """Prepare; nothing is connected before the first call.

        Args:
            manager: says where the server is.
            base: directory that relative paths of certificates start from.
            secrets: finds Secrets with certificates.
        """
        super().__init__(str(manager.service.address), manager.call_timeout)
        self._service = manager.service
        tls = manager.service.tls
        self._tls = ClientTls(tls, manager.name, base, secrets) if tls else None

    async def start(self) -> None:
        """Read the certificates, where they are in files.

        Raises:
            StartError: they cannot be used.
        """
        if self._tls is None or not self._tls.is_in_files:
            return
        try:
            await to_thread.run_sync(self._tls.context)
        except CertificateError as err:
            raise StartError(str(err)) from err

    async def _new_channel(self) -> ObservedChannel:
        if self._tls is None:
            return channel_to(self._service, None)
        return channel_to(self._service, await to_thread.run_sync(self._tls.context))
