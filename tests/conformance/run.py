"""One test while it runs: what its steps share."""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from tests.conformance.api_server import ApiServer, Key
from tests.conformance.conditions import Json
from tests.conformance.data import ConformanceTest, Manifest, Step
from tests.conformance.pods import Pods
from tests.conformance.status_reader import StatusReader
from tests.conformance.waiting import UnknownStepError, eventually


@dataclass
class Run:
    """One run of a test.

    Attributes:
        placeholders: text in manifests → what stands for it.
        generations: kind → generations that its `get` steps saw.
        log_regex: what the pods that a request is mirrored to must write, where the next request is one.
        last_path: of the last request.
        addresses: of Gateways, since the last change of an object.
    """

    test: ConformanceTest
    server: ApiServer
    pods: Pods
    reader: StatusReader
    placeholders: Mapping[str, Any]
    generations: dict[str, list[int]] = field(default_factory=dict)
    log_regex: str = ""
    last_path: str = ""
    addresses: dict[str, str] = field(default_factory=dict)

    def address(self, gateway: str) -> str:
        """Return the address of a Gateway, as its status says it."""
        if gateway not in self.addresses:
            self.addresses[gateway] = eventually(lambda: self.reader.address(gateway), f"address of {gateway}")
        return self.addresses[gateway]

    def apply(self, manifests: list[Manifest]) -> None:
        """Create objects."""
        self.server.apply(self.filled(manifest) for manifest in manifests)
        self.changed()

    def changed(self) -> None:
        """Have pods and endpoints follow, after objects changed."""
        self.addresses.clear()
        self.pods.reconcile()

    def filled(self, value: Any) -> Any:
        """Put run-time values in the place of placeholders and references."""
        if isinstance(value, Mapping):
            if value.keys() == {"$ref"}:
                return self.resolved(value)
            return {key: self.filled(each) for key, each in value.items()}
        if isinstance(value, list):
            return [self.placeholders.get(_only_value(each), self.filled(each)) for each in value]
        return self.placeholders.get(value, value) if isinstance(value, str) else value

    def resolved(self, reference: Json) -> str:
        """Return what a `$ref` stands for.

        Args:
            reference: to `controllerName`, or to an entry of a Secret or ConfigMap.
        """
        path: str = reference["$ref"]
        if path == "controllerName":
            return self.reader.controller_name
        kind, _, rest = path.partition(":")
        name, _, entry = rest.partition("#")
        if kind not in _KINDS:
            raise UnknownStepError(f"the replay does not know the reference {path!r}")
        data = self.server.get(Key.parse(_KINDS[kind], name))["data"][entry]
        return base64.b64decode(data).decode() if kind == "secret" else str(data)

    def pair(self, reference: Json) -> tuple[str, str]:
        """Return the certificate that a reference stands for, and its key."""
        path: str = reference["$ref"]
        return self.resolved(reference), self.resolved({"$ref": path.replace("#tls.crt", "#tls.key")})

    def expect_mirrored(self, step: Step) -> None:
        """Wait until the last request is in the logs of the backends that it is mirrored to."""
        wanted, self.log_regex = self.log_regex, ""
        for backend in step["expect"].get("mirrored_to", ()) if wanted else ():
            pattern = re.compile(wanted.replace("<path>", re.escape(self.last_path)))
            eventually(partial(self._is_logged, backend, pattern), f"mirrored to {backend['backend']}")

    def finish(self) -> None:
        """End: nothing may be left that a step wanted."""
        if self.log_regex:
            raise UnknownStepError("no request followed whose mirroring was to be looked for")

    def mirrored(self, backend: Json, paths: frozenset[str]) -> int:
        """Count the requests that reached a backend, of some."""
        lines = (line for pod in self.pods.of(backend["namespace"], backend["backend"]) for line in pod.log)
        return sum(any(word in paths for word in line.split()) for line in lines)

    def _is_logged(self, backend: Json, pattern: re.Pattern[str]) -> None:
        pods = self.pods.of(backend["namespace"], backend["backend"])
        assert any(pattern.search(line) for pod in pods for line in pod.log), f"no request {pattern.pattern!r} arrived"


_KINDS = {"secret": "Secret", "configmap": "ConfigMap"}


def _only_value(entry: Any) -> str:
    """Return the value of an address that has nothing else: of a placeholder the type is not known either."""
    is_only = isinstance(entry, Mapping) and entry.keys() == {"value"}
    return f"address {entry['value']}" if is_only else ""
