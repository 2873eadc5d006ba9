"""Settings as a file of ours would have them: all that holds, with what was left to a default. Pure.

What is written is read as the same settings. So what is only there for another kind of extension, or says by another
word what is said already, is not written: beside a server no key of Python objects, beside `onFailure` no `failOpen`.
No setting holds a secret: certificates and keys are in files or Secrets, which are named.
"""

from __future__ import annotations

from typing import Any

from egxds.settings.daemon import Settings
from egxds.settings.extension_service import ExtensionService
from egxds.settings.extensions import ExtensionManager

_OF_SERVERS = ("tls", "retry")
_OF_PYTHON = ("path", "isolation", "limits", "loadTimeout")


def in_force(settings: Settings) -> dict[str, Any]:
    """Return settings as values that YAML and JSON have."""
    written = settings.model_dump(mode="json", by_alias=True, exclude_none=True)
    if settings.extension_manager is not None:
        written["extensionManager"] = _manager(settings.extension_manager)
    written["extensionManagers"] = [_manager(each) for each in settings.extension_managers]
    return {key: value for key, value in written.items() if key != "extensionManagers" or value}


def _manager(manager: ExtensionManager) -> dict[str, Any]:
    written = manager.model_dump(mode="json", by_alias=True, exclude_none=True)
    written |= {"onFailure": manager.failure_policy, "service": _service(manager.service)}
    # One time limit, where it was written: it may stand at either place, and not at both.
    if manager.service.timeout is not None:
        del written["timeout"]
    return {key: value for key, value in written.items() if key != "failOpen" and value != ""}


def _service(service: ExtensionService) -> dict[str, Any]:
    written = service.model_dump(mode="json", by_alias=True, exclude_none=True)
    without = {"zone", *(_OF_PYTHON if service.python is None else _OF_SERVERS)}
    if service.isolation == "thread":
        without.add("limits")
    is_by_name = service.python is None and not (service.fqdn or service.ip or service.unix)
    if not is_by_name:
        without |= {"host", "hostname", "port"}
    return {key: value for key, value in written.items() if key not in without and value != ""}
