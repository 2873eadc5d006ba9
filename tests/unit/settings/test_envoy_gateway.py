"""An `extensionManager` of Envoy Gateway as it is, and what is said of what means something else here."""

from __future__ import annotations

from typing import Any

import pytest

from egxds.errors import SettingsError
from egxds.settings.daemon import Settings
from egxds.settings.extensions import ExtensionManager, Hook
from egxds.settings.notes import notes_of
from egxds.settings.text import parse_settings

WHOLE = """\
sources: {files: {paths: [routes/]}}
extensionManager:
  name: all
  resources: [{group: example.io, version: v1, kind: Filter}]
  policyResources: [{group: example.io, version: v1, kind: Limit}]
  backendResources: [{group: example.io, version: v1, kind: Pool}]
  hooks:
    xdsTranslator:
      pre: [Route, VirtualHost, HTTPListener, Cluster, Endpoints, Translation]
      post: [Route, VirtualHost, HTTPListener, Cluster, Endpoints, Translation]
      translation: {listener: {includeAll: true}, route: {}, cluster: , secret: {includeAll: null}}
  service:
    fqdn: {hostname: extension.example, port: 5005}
    zone: a
    hostname: other.example
    timeout: 1500ms
    tls:
      certificateRef: {group: "", kind: Secret, name: ca}
      clientCertificateRef: {group: , name: own, namespace: certs}
    retry:
      maxAttempts: 0
      initialBackoff: 100ms
      maxBackoff: 1s
      backoffMultiplier: {numerator: 3, denominator: 2}
      RetryableStatusCodes: [UNAVAILABLE, INTERNAL]
  failOpen: false
  maxMessageSize: 1e6
"""


def manager(service: dict[str, Any], **more: Any) -> ExtensionManager:
    """Make the settings of an extension with one hook."""
    hooks = {"xdsTranslator": {"post": ["Route"]}}
    return ExtensionManager.model_validate({"hooks": hooks, "service": service} | more)


def said(text: str) -> list[str]:
    """Return the keys about which something is said."""
    return [note.key for note in notes_of(parse_settings(text, "egxds.yaml"))]


def test_every_field_of_envoy_gateway_is_taken() -> None:
    """The whole of its schema (api/v1alpha1, ExtensionManager), and a note for each that is other here, or nothing."""
    (extension,) = parse_settings(WHOLE, "egxds.yaml").extensions
    assert (extension.call_timeout, extension.max_message_size, extension.service.retry.max_attempts) == (1.5, 10**6, 0)
    assert extension.hooks.xds_translator.translation.cluster.include_all
    assert said(WHOLE) == [
        f"extensionManager.{key}" for key in ("hooks.xdsTranslator.pre", "service.hostname", "service.zone", "failOpen")
    ]


ADDRESSES: dict[str, tuple[dict[str, Any], str]] = {
    "by host": ({"host": "extension.example", "port": 5005}, "extension.example:5005"),
    "by host, its port by default": ({"host": "extension.example"}, "extension.example:80"),
    "by host, no port": ({"host": "extension.example", "port": 0}, "extension.example:80"),
    "by hostname": ({"hostname": "extension.example", "port": 5005}, "extension.example:5005"),
    "port is that of the address": ({"ip": {"address": "::1", "port": 5005}, "port": 80}, "[::1]:5005"),
    "hostname beside an address": ({"unix": {"path": "/s"}, "hostname": "h"}, "unix:/s"),
    "nulls": ({"fqdn": None, "ip": {"address": "10.0.0.1", "port": 1}, "tls": None, "retry": None}, "10.0.0.1:1"),
}


@pytest.mark.parametrize(("service", "address"), ADDRESSES.values(), ids=ADDRESSES)
def test_where_an_extension_is(service: dict[str, Any], address: str) -> None:
    """The first of what Envoy Gateway looks at (internal/extension, GetExtensionServerAddress)."""
    assert str(manager(service).service.address) == address


def test_a_service_at_two_places_or_none_is_refused() -> None:
    """As Envoy Gateway does."""
    for service in ({"host": "a", "fqdn": {"hostname": "b", "port": 1}}, {"port": 80}, {"zone": "a"}):
        with pytest.raises(ValueError, match="give exactly one of fqdn, ip, unix and python"):
            manager(service)


def test_a_call_has_one_time_limit() -> None:
    """`timeout` of ours, or that of Envoy Gateway; both would be a riddle."""
    service = {"host": "a", "timeout": "3s"}
    assert (manager({"host": "a"}).call_timeout, manager(service).call_timeout) == (2.0, 3.0)
    with pytest.raises(ValueError, match=r"give timeout or service\.timeout, not both"):
        manager(service, timeout="3s")
    with pytest.raises(ValueError, match="greater than 0"):
        manager({"host": "a", "timeout": "0s"})


def test_hooks_before_the_translation_are_taken_and_never_called() -> None:
    """Alone they are enough for Envoy Gateway, which calls none either; no hook at all is a mistake."""
    only = ExtensionManager.model_validate(
        {"hooks": {"xdsTranslator": {"pre": ["Route"]}}, "service": {"host": "a"}}
    ).hooks.xds_translator
    assert (only.pre, only.post) == ((Hook.ROUTE,), ())
    with pytest.raises(ValueError, match="post names no hook"):
        manager({"host": "a"}, hooks={"xdsTranslator": {"pre": [], "post": None}})


@pytest.mark.parametrize(
    ("more", "is_said"),
    [
        ("failOpen: false", True),
        ("failOpen: true", False),
        ("failOpen: false, onFailure: hold", False),
        ("failOpen: false, onFailure: deny", False),
        ("onFailure: deny", False),
    ],
)
def test_what_a_failure_comes_to_is_said_where_it_is_other_than_in_envoy_gateway(more: str, is_said: bool) -> None:
    """It names the key that changes it; whoever has written `onFailure` knows."""
    one = f"{{name: n, hooks: {{xdsTranslator: {{post: [Route]}}}}, service: {{host: a}}, {more}}}"
    found = notes_of(parse_settings(f"sources: {{files: {{paths: [r]}}}}\nextensionManagers: [{one}]\n", "f"))
    assert [note.key for note in found] == ["extensionManagers[0].failOpen"] * is_said
    assert all("onFailure: hold" in note.message for note in found)


def test_what_envoy_gateway_does_not_know_is_still_refused() -> None:
    """A misspelt key could be the one that keeps somebody out."""
    with pytest.raises(SettingsError, match="unknown key; did you mean host"):
        parse_settings(WHOLE.replace("    zone: a", "    hosts: a"), "f")


def test_without_extensions_there_is_nothing_to_say() -> None:
    """Nor to look for."""
    assert notes_of(Settings.model_validate({"sources": {"files": {"paths": ["r"]}}})) == ()
