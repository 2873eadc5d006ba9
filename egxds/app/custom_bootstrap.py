"""The bootstrap of an Envoy, as an EnvoyProxy asks for it. Pure: plain data comes in, plain data goes out.

Source: Envoy Gateway v1.9, ProxyBootstrap. What an Envoy finds egxds by must stay as it is, or nothing would ever reach
it: who it is (`node.id`, `node.cluster`), that it asks over ADS, and where the server is. So must the limit for regular
expressions, without which it would refuse most RouteConfigurations. A bootstrap that replaces ours has these put in
where it says nothing of them, since much of it differs from one Envoy to the next, which a file does not know.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from google.protobuf import json_format
from google.protobuf.message import Message

from egxds import names
from egxds.app.bootstrap import XDS_CLUSTER, bootstrap
from egxds.cut_text import cut
from egxds.errors import UnreadableMessageError, YamlRefused
from egxds.model.api.envoy_patch_policy import HARMLESS_FIELDS
from egxds.model.api.envoy_proxy.bootstrap import ProxyBootstrap
from egxds.resources.encoding import class_of
from egxds.resources.validation.violations import violations
from egxds.settings.daemon import Settings
from egxds.translate.patches.failure import PatchError
from egxds.translate.patches.operations import Budget, apply
from egxds.yaml_input.load import load

_BOOTSTRAP = names.TYPE_PREFIX + "envoy.config.bootstrap.v3.Bootstrap"
_SHOWN_CHARACTERS = 300
_UNKNOWN_FIELD = "has no field named"
_PROGRAM_SIZE = "re2.max_program_size.error_level"
_FREE_FIELDS = frozenset({"typed_extension_protocol_options", *HARMLESS_FIELDS[names.CLUSTER]})
"""Of the way to the server: they decide on how it is spoken to, and not on who is believed."""


_USUAL = bootstrap(Settings.model_validate({"sources": {"files": {"paths": ["."]}}}), "class", "envoy")


class BootstrapError(Exception):
    """An Envoy with such a bootstrap would not start, or be served nothing. Says why."""


def custom_bootstrap(default: Mapping[str, object], asked: ProxyBootstrap) -> dict[str, object]:
    """Return the bootstrap that an EnvoyProxy asks for.

    Args:
        default: as `egxds.app.bootstrap.bootstrap` returns it.
        asked: by the EnvoyProxy.

    Raises:
        BootstrapError: it is none, or none that is served.
    """
    ours = _message(default)
    made = _WAYS[asked.type](default, asked)
    _put_in(made, ours)
    fault = next(_faults(made, ours), None)
    if fault is not None:
        raise BootstrapError(fault)
    # By its text: what is inside of an `Any` is no plain data otherwise.
    plain: dict[str, object] = json.loads(json_format.MessageToJson(made, preserving_proto_field_name=True))
    return plain


def bootstrap_fault(asked: ProxyBootstrap) -> str:
    """Return why an Envoy would not start by a bootstrap, or be served nothing; empty where it would be served.

    Args:
        asked: by an EnvoyProxy. Of the usual bootstrap, that which differs from Envoy to Envoy is made up.
    """
    try:
        custom_bootstrap(_USUAL, asked)
    except BootstrapError as err:
        return str(err)
    return ""


def _merged(default: Mapping[str, object], asked: ProxyBootstrap) -> Any:
    message = _message(default)
    message.MergeFrom(_message(_value(asked)))
    return message


def _replaced(_default: Mapping[str, object], asked: ProxyBootstrap) -> Any:
    return _message(_value(asked))


def _patched(default: Mapping[str, object], asked: ProxyBootstrap) -> Any:
    document: Any = copy.deepcopy(dict(default))
    budget = Budget()
    for at, operation in enumerate(asked.json_patches):
        try:
            document = apply(operation, document, document, budget)
        except (PatchError, RecursionError) as err:
            raise BootstrapError(f"jsonPatches[{at}] cannot be applied: {_first_line(err)}") from err
    return _message(document)


_WAYS: Mapping[str, Callable[[Mapping[str, object], ProxyBootstrap], Any]] = {
    "Merge": _merged,
    "Replace": _replaced,
    "JSONPatch": _patched,
}


def _value(asked: ProxyBootstrap) -> Mapping[str, object]:
    try:
        value = load(asked.value or "")
    except YamlRefused as err:
        raise BootstrapError(f"value is no YAML: line {err.line} of it: {err.message}") from err
    if not isinstance(value, dict):
        raise BootstrapError("value is no bootstrap: it has no fields")
    return value


def _message(value: Mapping[str, object]) -> Any:
    _know_types(value)
    try:
        return json_format.ParseDict(dict(value), _class()())
    except (json_format.ParseError, TypeError, ValueError, AttributeError, RecursionError) as err:
        raise BootstrapError(f"is no bootstrap: {_without_values(err)}") from err


def _class() -> type[Message]:
    found = class_of(_BOOTSTRAP)
    if found is None:
        raise LookupError(f"xds-protos has no {_BOOTSTRAP}")
    return found


def _know_types(value: Any) -> None:
    """Import the types that a document names, without which protobuf does not find them."""
    if isinstance(value, Mapping):
        said = value.get("@type")
        if isinstance(said, str):
            class_of(said)
        value = list(value.values())
    if isinstance(value, list):
        for below in value:
            _know_types(below)


def _put_in(made: Any, ours: Any) -> None:
    """Put in what an Envoy cannot do without, as far as a bootstrap says nothing of it."""
    for field in ("id", "cluster"):
        if not getattr(made.node, field):
            setattr(made.node, field, getattr(ours.node, field))
    for field in ("dynamic_resources", "layered_runtime"):
        if not made.HasField(field):
            getattr(made, field).CopyFrom(getattr(ours, field))
    if _xds_cluster(made) is None:
        made.static_resources.clusters.add().CopyFrom(_xds_cluster(ours))


def _faults(made: Any, ours: Any) -> Iterator[str]:
    for field in ("id", "cluster"):
        if getattr(made.node, field) != getattr(ours.node, field):
            yield f"node.{field} cannot be another: by it the Envoy is told from others; delete it"
    if made.dynamic_resources != ours.dynamic_resources:
        yield "dynamic_resources cannot be others: by them the Envoy asks for all else; delete them"
    if _kept(_xds_cluster(made)) != _kept(_xds_cluster(ours)):
        yield f"cluster {XDS_CLUSTER} cannot lead elsewhere, or be spoken to otherwise; delete what says so"
    if _program_size(made) != _program_size(ours):
        yield f"layered_runtime must keep {_PROGRAM_SIZE}: {_program_size(ours)} in a static_layer"
    yield from _repeated(made)
    try:
        yield from violations(made)
    except UnreadableMessageError as err:
        yield f"is no bootstrap: {err}"


def _kept(cluster: Any) -> Any:
    """Return what of the way to the server must stay as it is."""
    kept = copy.deepcopy(cluster)
    for field in _FREE_FIELDS:
        kept.ClearField(field)
    return kept


def _program_size(message: Any) -> object:
    """Return how large regular expressions may be."""
    layers = (layer for layer in message.layered_runtime.layers if layer.HasField("static_layer"))
    said = [dict(layer.static_layer).get(_PROGRAM_SIZE) for layer in layers]
    return next((int(each) for each in reversed(said) if isinstance(each, float)), None)


def _repeated(made: Any) -> Iterator[str]:
    """Say which names stand there twice, which Envoy refuses."""
    layers = [layer.name for layer in made.layered_runtime.layers]
    clusters = [cluster.name for cluster in made.static_resources.clusters]
    for what, found in (("layers of layered_runtime", layers), ("clusters", clusters)):
        twice = sorted({name for name in found if found.count(name) > 1})
        if twice:
            yield f"several {what} are named {twice[0]}"


def _xds_cluster(message: Any) -> Any:
    return next((each for each in message.static_resources.clusters if each.name == XDS_CLUSTER), None)


def _without_values(err: Exception) -> str:
    """Return where something is wrong; what stands there may be a secret."""
    line = _first_line(err)
    return line if _UNKNOWN_FIELD in line else line.rpartition(": ")[0] or "a value is none that can stand there"


def _first_line(err: Exception) -> str:
    return cut(str(err).partition("\n")[0], _SHOWN_CHARACTERS)
