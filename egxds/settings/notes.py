"""What is taken of Envoy Gateway's settings and means something else here, or nothing. Pure.

It is said once, at the start and by `validate -c`: whoever brings the settings along is to know before it matters.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from egxds.settings.daemon import Settings
from egxds.settings.extensions import ExtensionManager

_NOT_HELD = (
    "false holds back the update in Envoy Gateway; here what the hook decides on answers 500 until it works again. "
    "onFailure: hold keeps the last state instead; onFailure: deny says that this is meant"
)


@dataclass(frozen=True, slots=True)
class Note:
    """One thing to be said about settings that are in force.

    Attributes:
        key: what is written, such as `extensionManagers[0].failOpen`.
        message: what comes of it here, and which key changes that.
    """

    key: str
    message: str

    def __str__(self) -> str:
        return f"{self.key}: {self.message}"


def notes_of(settings: Settings) -> tuple[Note, ...]:
    """Return what is to be said about settings, in the order in which extensions are called."""
    if settings.extension_managers:
        places = [(f"extensionManagers[{at}]", each) for at, each in enumerate(settings.extension_managers)]
    else:
        places = [("extensionManager", each) for each in settings.extensions]
    return tuple(Note(f"{place}.{key}", said) for place, manager in places for key, said in _of_one(manager))


def _of_one(manager: ExtensionManager) -> Iterator[tuple[str, str]]:
    hooks, service = manager.hooks.xds_translator, manager.service
    if hooks.pre:
        yield "hooks.xdsTranslator.pre", "no hook is called before the translation; name those to be called under post"
    if "port" in service.model_fields_set and not (service.host or service.hostname):
        yield "service.port", "is for host, which is not given, and has no effect"
    if service.hostname and (service.fqdn or service.ip or service.unix or service.host or service.python):
        yield "service.hostname", "has no effect beside the address; tls.serverName is what a certificate must be for"
    if service.zone:
        yield "service.zone", "has no effect"
    if "fail_open" in manager.model_fields_set and not manager.fail_open and manager.on_failure is None:
        yield "failOpen", _NOT_HELD
