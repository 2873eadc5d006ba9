"""Envoy Gateway's golden translations, asked of the pipeline: what status they come to here.

How they are read and compared is the business of `run.py` beside the data; here it is asked what egxds says.
"""

from __future__ import annotations

import importlib.util
import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import ModuleType
from typing import Any

import yaml

from egxds.app.file_source import FileTrees
from egxds.app.pipeline import Pipeline
from egxds.files.reading.content import Scan
from egxds.incremental.revision import Revision
from egxds.inspect.objects import ObjectView
from egxds.model.api.config_map import CONFIG_MAP
from egxds.model.api.unserved_policies import UNSERVED_POLICIES
from egxds.settings.daemon import Settings

FOLDER = Path(os.environ.get("EG_GOLDEN", Path(__file__).parents[3] / "shared" / "eg-golden"))


_DIFFERENCES = Path(__file__).with_name("differences.yaml")


def differences() -> Mapping[str, str]:
    """Return the cases that are known to differ: name → why."""
    entries = yaml.safe_load(_DIFFERENCES.read_text())
    return {name: entry["reason"] for entry in entries for name in entry["cases"]}


@dataclass(frozen=True)
class GoldenCase:
    """What a case came to.

    Attributes:
        unknown: kinds that are not served here.
        refused: what an API server would refuse, with the reason.
        differing: how statuses differ.
    """

    name: str
    unknown: tuple[str, ...]
    refused: tuple[str, ...]
    differing: tuple[str, ...]

    @property
    def faults(self) -> tuple[str, ...]:
        """What is otherwise than in the golden file; nothing of a case with kinds that are not served."""
        return () if self.unknown else self.refused + self.differing


class GoldenFiles:
    """The cases of a folder."""

    def __init__(self, folder: Path, scratch: Path) -> None:
        """Read them.

        Args:
            folder: of `run.py` and `cases`.
            scratch: an empty directory, for the documents of one case after the other.
        """
        self._run = _module(folder / "run.py")
        self._files: Mapping[str, str] = self._run.golden_files(folder / "cases", "")
        self._scratch = scratch
        known = self._run.known_kinds(self._answer, scratch) - {row.kind.kind for row in UNSERVED_POLICIES}
        # Not found out by asking about an empty one, which is nobody's business.
        self._kinds = known | {CONFIG_MAP.kind}

    def cases(self) -> Iterator[GoldenCase]:
        """Compare one case after the other."""
        names = sorted(name.removesuffix(".in.yaml") for name in self._files if name.endswith(".in.yaml"))
        return (self._compared(name) for name in names if f"{name}.out.yaml" in self._files)

    def _compared(self, name: str) -> GoldenCase:
        run, files = self._run, self._files
        source = run.load_yaml(files[f"{name}.in.yaml"])
        run.write_case(self._scratch / name / "in", _with_parameters(run.case_documents(name, files), source))
        answer = self._answer(self._scratch / name / "in", self._scratch)
        items = {
            (each["kind"], each["metadata"]["namespace"], each["metadata"]["name"]): each for each in answer["items"]
        }
        _, differing = run.compare_statuses(run.load_yaml(files[f"{name}.out.yaml"]), items, self._kinds)
        own = list(run.documents(source))
        unknown = sorted({document.get("kind", "?") for document in own} - self._kinds)
        refused = dict.fromkeys(run.refusals(own, items))
        return GoldenCase(name, tuple(unknown), tuple(refused), tuple(differing))

    def _answer(self, folder: Path, base: Path) -> dict[str, Any]:
        """Return what the admin API would say of a directory's objects."""
        # Envoy Gateway's tests ask for patches, too.
        asked = {"extensionApis": {"enableEnvoyPatchPolicy": True}}
        settings = Settings.model_validate({**self._run.settings_of(folder), **asked})
        view = ObjectView()
        build = Pipeline(settings, FileTrees(settings, base)).run(Scan.ALL)
        view.note(build.judged(), Revision(), datetime.now(UTC))
        page = view.render()
        answer: dict[str, Any] = json.loads(json.dumps({"items": list(page.items), "problems": list(page.problems)}))
        return answer


def _with_parameters(documents: list[dict[str, Any]], source: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Have the GatewayClass name the EnvoyProxy that a case has for it, as Envoy Gateway's tests do by other means."""
    proxy = source.get("envoyProxyForGatewayClass")
    if not proxy:
        return documents
    place = {field: proxy["metadata"][field] for field in ("namespace", "name")}
    ref = {"group": "gateway.envoyproxy.io", "kind": "EnvoyProxy", **place}
    return [
        {**each, "spec": {"parametersRef": ref, **each["spec"]}} if each.get("kind") == "GatewayClass" else each
        for each in documents
    ]


def _named(item: Mapping[str, Any]) -> tuple[str, str, str]:
    return item["kind"], item["metadata"]["namespace"], item["metadata"]["name"]


def _module(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location("eg_golden_run", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
