"""The YAML of a case → what is expected of it, file by file."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import yaml

from egxds import names
from egxds.files.documents.document import FileTree
from egxds.files.documents.split import split_documents
from egxds.model.api.kinds import KindTable
from egxds.model.resolver import Resolver, ResolverOptions
from egxds.model.store.store import ObjectStore
from egxds.problems import Problem
from egxds.resources.validation.violations import violations
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
    settings = parse_settings(SETTINGS, "settings.yaml")
    documents = split_documents("in.yaml", text, max_documents=1000)
    assert not isinstance(documents, Problem)
    state = ObjectStore(KindTable.of(settings.extensions)).update(FileTree({"in.yaml": documents}))
    resolution = Resolver(ResolverOptions.of(settings)).resolve(state)
    made: dict[str, dict[str, Any]] = {}
    for translation in Translator().update(resolution).values():
        for each in resources(translation):
            assert list(violations(message(each))) == []
            made.setdefault(_FILES[each.type_url], {}).setdefault(translation.gateway, []).append(as_dict(each))
    made["status.yaml"] = {str(key): status for key, status in statuses(resolution).items()}
    return {file: yaml.safe_dump(_plain(content), sort_keys=True, width=120) for file, content in made.items()}


def _plain(value: object) -> object:
    """Return mappings and sequences of any kind as dicts and lists."""
    if isinstance(value, Mapping):
        return {key: _plain(each) for key, each in value.items()}
    return [_plain(each) for each in value] if isinstance(value, list | tuple) else value
