"""What is taken of Envoy Gateway's settings and means something else here, or nothing, and what is risky. Pure.

It is said once, at the start and by `validate -c`: whoever brings the settings along is to know before it matters.
"""

from __future__ import annotations

from collections.abc import Iterator

from egxds.settings.daemon import Settings
from egxds.settings.extensions import ExtensionManager
from egxds.settings.note import Note

_NOT_HELD = (
    "false holds back the update in Envoy Gateway; here what the hook decides on answers 500 until it works again. "
    "onFailure: hold keeps the last state instead; onFailure: deny says that this is meant"
)


def notes_of(settings: Settings) -> tuple[Note, ...]:
    """Return what is to be said: of the file as a whole, then of extensions, in the order in which they are called."""
    if settings.extension_managers:
        places = [(f"extensionManagers[{at}]", each) for at, each in enumerate(settings.extension_managers)]
    else:
        places = [("extensionManager", each) for each in settings.extensions]
    of_extensions = (Note(f"{place}.{key}", said) for place, manager in places for key, said in _of_one(manager))
    return (*settings.notes, *_of_sources(settings), *of_extensions)


def _of_sources(settings: Settings) -> Iterator[Note]:
    etcd = settings.sources.etcd
    if etcd is None or etcd.speaks_tls or all(member.is_on_this_machine for member in etcd.members):
        return
    if etcd.user is not None:
        yield Note("sources.etcd.passwordFile", "the password goes over the network in the clear: give tls")
    yield Note("sources.etcd.endpoints", "whoever is on the way there decides what is served: give tls")


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
