"""A settings file of Envoy Gateway, as its standalone mode has it, is read as it is."""

from __future__ import annotations

from pathlib import Path

import pytest

from egxds.cli.admin import admin_address
from egxds.errors import SettingsError
from egxds.settings.daemon import Settings
from egxds.settings.envoy_gateway_keys import KEYS
from egxds.settings.notes import notes_of
from egxds.settings.text import parse_settings

HEAD = "apiVersion: gateway.envoyproxy.io/v1alpha1\nkind: EnvoyGateway\n"
FILES = "provider: {type: Custom, custom: {resource: {type: File, file: {paths: [/routes]}}}}\n"
LEAST = HEAD + FILES
BACKENDS = "extensionApis.enableBackend"

WHOLE = (
    HEAD
    + """\
gateway: {controllerName: example.com/ours}
provider:
  type: Custom
  kubernetes: {watch: {type: Namespaces, namespaces: [a]}, leaderElection: {disable: true}}
  custom:
    resource: {type: File, file: {paths: [routes, /etc/gateway]}}
    infrastructure:
      type: Host
      host: {configHome: /c, dataHome: /d, stateHome: /s, runtimeDir: /r}
logging: {level: {default: warn, xds-server: debug}, encoder: JSON}
admin: {address: {host: 127.0.0.2, port: 19001}, enableDumpConfig: true, enablePprof: true}
telemetry: {metrics: {prometheus: {disable: true}}, traces: {samplingRate: 1}}
xdsServer: {maxConnectionAge: 10h, maxConnectionAgeGrace: 2m, maxReceiveMessageSize: 512Mi}
rateLimit: {backend: {type: Redis, redis: {url: "redis://:hunter2@cache:6379"}}}
leaderElection: {disable: true}
extensionManagers:
  - name: one
    hooks: {xdsTranslator: {post: [Route]}}
    service: {fqdn: {hostname: localhost, port: 1061}}
  - name: two
    hooks: {xdsTranslator: {post: [Translation], translation: {listener: {includeAll: true}}}}
    service: {unix: {path: /run/two.sock}}
    failOpen: true
    maxMessageSize: 4Mi
extensionApis:
  {enableBackend: true, enableEnvoyPatchPolicy: true, enableLua: true, disableLua: false, enableSDSSecretRef: true}
gatewayAPI: {enabled: [XBackendTrafficPolicy]}
runtimeFlags: {enabled: [Other], disabled: [XDSNameSchemeV2]}
envoyProxy: {logging: {level: {default: warn}}}
metadata: {name: envoy-gateway}
"""
)


def settings(text: str) -> Settings:
    """Read a file that has no fault."""
    return parse_settings(text, "envoy-gateway.yaml")


def said(text: str) -> list[str]:
    """Return the keys about which something is said."""
    return [note.key for note in notes_of(settings(text))]


def faults(text: str) -> list[str]:
    """Read a file that is refused; return its problems as a user sees them."""
    with pytest.raises(SettingsError) as caught:
        settings(text)
    return [str(problem).removeprefix("envoy-gateway.yaml:") for problem in caught.value.problems]


def test_the_least_there_is() -> None:
    """What is not said is as in the least file of ours."""
    ours = parse_settings("sources: {files: {paths: [/routes]}}", "egxds.yaml")
    assert settings(LEAST).with_notes(()) == ours
    assert said(LEAST) == ["provider.custom.resource.file.paths", BACKENDS]
    assert said(LEAST + "extensionApis: {enableBackend: true}\n") == ["provider.custom.resource.file.paths"]


def test_what_has_a_meaning_here_keeps_it() -> None:
    """Each key that has one, in a file with all there are."""
    read = settings(WHOLE)
    assert read.controller_name == "example.com/ours"
    assert read.sources.in_files.paths == ("routes", "/etc/gateway")
    assert (read.logging.level, read.logging.format) == ("warning", "json")
    assert read.admin.address == "127.0.0.2:19001"
    assert read.xds.max_receive_message_size == read.xds.limits.receive_bytes == 512 * 1024**2
    one, two = read.extensions
    assert (one.name, str(one.service.address), two.max_message_size) == ("one", "localhost:1061", 4 * 1024**2)


def test_what_a_failure_comes_to_is_as_there() -> None:
    """Envoy Gateway publishes nothing new where it does not fail open, and what we know as `hold` is that."""
    assert [each.failure_policy for each in settings(WHOLE).extensions] == ["hold", "bypass"]
    denied = WHOLE.replace("    failOpen: true", "    onFailure: deny")
    assert [each.failure_policy for each in settings(denied).extensions] == ["hold", "deny"]


def test_every_key_without_a_meaning_is_said() -> None:
    """In the file with all there are, every row that is no error says something; no value is repeated."""
    paths = [".".join(key.path) for key in KEYS if not key.is_error and key.path != tuple(BACKENDS.split("."))]
    assert said(WHOLE) == paths
    assert "hunter2" not in "".join(map(str, notes_of(settings(WHOLE))))


QUIET = (
    "logging: {level: {default: info}}",
    "logging: {}",
    "admin: {enablePprof: false, enableDumpConfig: false}",
    "extensionApis: {enableBackend: true, disableLua: true, enableLua: false, enableEnvoyPatchPolicy: false}",
    "runtimeFlags: {disabled: [XDSNameSchemeV2], enabled: []}",
    "gatewayAPI: {enabled: []}",
    "telemetry: {metrics: , traces: }",
    "rateLimit: ",
    "xdsServer: {}",
)


@pytest.mark.parametrize("line", QUIET)
def test_nothing_is_said_of_what_holds_here_anyway(line: str) -> None:
    """Nor of a key without a value, which is none."""
    assert [key for key in said(f"{LEAST}{line}\n") if key not in said(LEAST)] == []


MANAGER = "extensionManager: {hooks: {xdsTranslator: {post: [Route]}}, service: {host: a}}\n"
REFUSED = {
    "an older API": (LEAST.replace("gateway.envoy", "config.gateway.envoy"), "1: error: apiVersion: must be gateway."),
    "a cluster": (
        HEAD + "provider: {type: Kubernetes}\n",
        "3: error: provider.type: Kubernetes would have objects read",
    ),
    "no provider, which is a cluster": (HEAD, "error: provider: "),
    "no files": (HEAD + "provider: {type: Custom}\n", "3: error: provider: custom.resource.file.paths is missing"),
    "no path": (LEAST.replace("/routes", ""), "3: error: provider.custom.resource.file.paths: "),
    "a key that nobody knows": (LEAST + "loging: {}\n", "4: error: loging: unknown key; did you mean logging?"),
    "below another": (
        LEAST + "extensionApis: {enableBackends: true}\n",
        "4: error: extensionApis.enableBackends: unknown key; did you mean enableBackend?",
    ),
    "an unknown level": (
        LEAST + "logging: {level: {default: trace}}\n",
        "4: error: logging.level.default: must be debug",
    ),
    "an unknown component": (LEAST + "logging: {level: {all: info}}\n", "4: error: logging.level.all"),
    "Backends turned off": (
        LEAST + "extensionApis:\n  enableBackend: false\n",
        "5: error: extensionApis.enableBackend: Backends cannot be turned off",
    ),
    "names that an extension looks for": (
        LEAST + MANAGER + "runtimeFlags: {enabled: [XDSNameSchemeV2]}\n",
        "5: error: runtimeFlags.enabled: XDSNameSchemeV2 is not served",
    ),
    "trust in backends": (
        LEAST + "envoyProxy:\n  backendTLS: {clientCertificateRef: {name: c}}\n",
        "5: error: envoyProxy.backendTLS: cannot be done: it decides which backends are trusted",
    ),
    "trust in an extension": (
        LEAST + MANAGER.replace("host: a", "host: a, tls: {certificateRef: {kind: ConfigMap, name: ca}}"),
        "4: error: extensionManager.service.tls.certificateRef.kind: must be Secret",
    ),
    "trust in nothing": (
        LEAST + MANAGER.replace("host: a", "host: a, tls: {}"),
        "4: error: extensionManager.service.tls: give one of caFile and certificateRef",
    ),
    "a key that has one of theirs": (
        LEAST + "egxds: {controllerName: a}\n",
        "4: error: egxds.controllerName: unknown key; there are ",
    ),
    "a fault among ours": (LEAST + "egxds:\n  xds: {adress: a}\n", "5: error: egxds.xds.adress: unknown key; did you"),
    "where the admin API is, twice": (
        LEAST + "admin: {address: {port: 1}}\negxds: {admin: {address: 127.0.0.1:2}}\n",
        "1: error: give admin.address or egxds.admin, not both",
    ),
    "the size of a request, twice": (
        LEAST + "xdsServer: {maxReceiveMessageSize: 1Mi}\negxds: {xds: {}}\n",
        "1: error: give xdsServer.maxReceiveMessageSize or egxds.xds, not both",
    ),
    "both sets of extensions": (
        LEAST
        + MANAGER
        + "extensionManagers: [{name: a, hooks: {xdsTranslator: {post: [Route]}}, service: {host: a}}]\n",
        "1: error: give extensionManager or extensionManagers, not both",
    ),
}


@pytest.mark.parametrize(("text", "problem"), REFUSED.values(), ids=REFUSED)
def test_what_cannot_be_read_or_decides_on_access_is_refused(text: str, problem: str) -> None:
    """With its line, and what to do."""
    assert any(problem in found for found in faults(text)), faults(text)


def test_names_without_an_extension_are_but_names() -> None:
    """Nobody looks for them."""
    assert "runtimeFlags.enabled" in said(LEAST + "runtimeFlags: {enabled: [XDSNameSchemeV2]}\n")


def test_ours_stand_in_a_block_of_their_own() -> None:
    """Envoy Gateway passes over it; elsewhere a key of our settings is unknown, as any other."""
    read = settings(LEAST + "egxds: {stateDir: /var/lib/egxds, xds: {address: 0.0.0.0:18001}, envoys: []}\n")
    assert (read.state_dir, read.xds.address) == ("/var/lib/egxds", "0.0.0.0:18001")
    (fault,) = faults(LEAST + "stateDir: /var/lib/egxds\n")
    assert "stateDir: unknown key" in fault


def test_who_says_where_envoys_connect_is_not_told_where() -> None:
    """The note is about what holds otherwise."""
    host = FILES.replace("}}}}", "}}, infrastructure: {type: Host}}}")
    key = "provider.custom.infrastructure"
    assert key in said(HEAD + host)
    assert key not in said(HEAD + host + "egxds: {xds: {address: 127.0.0.1:18001}}\n")


ADDRESSES = {
    "": "127.0.0.1:19080",
    "admin: {}": "127.0.0.1:19080",
    "admin: ": "127.0.0.1:19080",
    "admin: {address: {port: 19000}}": "127.0.0.1:19000",
    "admin: {address: {host: '::1'}}": "[::1]:19080",
    "admin: {address: {host: 10.0.0.1, port: 81}}": "10.0.0.1:81",
    "egxds: {admin: {address: 'unix:/run/admin'}}": "unix:/run/admin",
    "egxds: {admin: {}}": "127.0.0.1:19080",
    "egxds: ": "127.0.0.1:19080",
}


@pytest.mark.parametrize(("line", "address"), ADDRESSES.items())
def test_commands_find_the_daemon_by_it(line: str, address: str, tmp_path: Path) -> None:
    """They read no more of the file than that, and find what the daemon takes."""
    config = tmp_path / "envoy-gateway.yaml"
    config.write_text(f"{LEAST}{line}\n")
    assert admin_address(config, None) == settings(config.read_text()).admin.address == address
