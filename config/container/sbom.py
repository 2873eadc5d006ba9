"""Prints the bill of materials of the image, CycloneDX 1.6: what its lock file says, and nothing else.

python config/container/sbom.py config/container/requirements.lock VERSION
"""  # noqa: INP001 a script

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path

_PIN = re.compile(r"(?P<name>[A-Za-z0-9._-]+)==(?P<version>[^\s;\\]+)(?P<rest>.*)")
_HASH = re.compile(r"--hash=sha256:([0-9a-f]{64})")
_INDEX = "https://pypi.org/project"


def _pins(lock: str) -> Iterator[tuple[str, str, list[str]]]:
    """Yield the name, the version and the SHA-256 of each file of what a lock file pins."""
    for line in lock.replace("\\\n", " ").splitlines():
        if found := _PIN.match(line):
            yield found["name"], found["version"], _HASH.findall(found["rest"])


def _purl(name: str, version: str) -> str:
    return f"pkg:pypi/{name}@{version}"


def _component(name: str, version: str, hashes: list[str]) -> dict[str, object]:
    files = {
        "type": "distribution",
        "comment": "one of these files, as it fits the platform",
        "url": f"{_INDEX}/{name}/{version}/#files",
        "hashes": [{"alg": "SHA-256", "content": each} for each in hashes],
    }
    purl = _purl(name, version)
    return {
        "type": "library",
        "bom-ref": purl,
        "name": name,
        "version": version,
        "purl": purl,
        "externalReferences": [files],
    }


def bill(lock: str, version: str) -> dict[str, object]:
    """Return the bill of materials.

    Args:
        lock: the text of the lock file.
        version: of egxds.
    """
    purl = _purl("egxds", version)
    egxds = {"type": "application", "bom-ref": purl, "name": "egxds", "version": version, "purl": purl}
    licences = [{"license": {"id": "Apache-2.0"}}]
    return {
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {"component": {**egxds, "licenses": licences}},
        "components": [_component(*pin) for pin in _pins(lock)],
    }


if __name__ == "__main__":
    json.dump(bill(Path(sys.argv[1]).read_text(encoding="utf-8"), sys.argv[2]), sys.stdout, indent=1)
