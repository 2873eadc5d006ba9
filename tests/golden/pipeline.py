"""The YAML of a case → what is expected of it, file by file."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import yaml

from egxds import names
from egxds.files.documents.document import FileTree
from egxds.files.documents.split import split_documents
from egxds.model.api.kinds import KindTable
from egxds.model.resolve.resolved import Resolution
from egxds.model.resolver import Resolver, ResolverOptions
from egxds.model.store.store import ObjectStore
from egxds.problems import Problem
from egxds.resources.translation import GatewayTranslation
from egxds.resources.validation.violations import violations
from egxds.settings.daemon import Settings
from egxds.settings.text import parse_settings
from egxds.translate.translator import Translator
from tests.unit.model.told import statuses
from tests.unit.translate.reading import as_dict, message, resources

SETTINGS = """
sources: {files: {paths: [.]}}
extensionManager:
  hooks: {xdsTranslator: {post: [Route]}}
  service: {ip: {address: 127.0.0.1, port: 5005}}
  resources: [{group: example.io, version: v1, kind: Auth}]
"""
_FILES = {type_url: f"{word}s.yaml" for type_url, word in names.SHORT_NAMES.items()}


def translate_case(text: str) -> dict[str, str]:
    """Return what is made of a case: file name → content; a file that would be empty is left out."""
    resolution = _resolution(text, parse_settings(SETTINGS, "settings.yaml"))
    made: dict[str, dict[str, Any]] = {}
    for translation in Translator().update(resolution).values():
        for each in resources(translation):
            assert list(violations(message(each))) == []
            made.setdefault(_FILES[each.type_url], {}).setdefault(translation.gateway, []).append(as_dict(each))
    made["status.yaml"] = {str(key): status for key, status in statuses(resolution).items()}
    return {file: yaml.safe_dump(plain(content), sort_keys=True, width=120) for file, content in made.items()}


def translations(text: str) -> Mapping[str, GatewayTranslation]:
    """Return what every Gateway of a case is translated to."""
    settings = parse_settings(SETTINGS, "settings.yaml")
    return Translator().update(_resolution(text, settings))


def _resolution(text: str, settings: Settings) -> Resolution:
    documents = split_documents("in.yaml", text, max_documents=1000)
    assert not isinstance(documents, Problem)
    state = ObjectStore(KindTable.of(settings.extensions)).update(FileTree({"in.yaml": documents}))
    return Resolver(ResolverOptions.of(settings)).resolve(state)


def plain(value: object) -> object:
    """Return mappings and sequences of any kind as dicts and lists."""
    if isinstance(value, Mapping):
        return {key: plain(each) for key, each in value.items()}
    return [plain(each) for each in value] if isinstance(value, list | tuple) else value
