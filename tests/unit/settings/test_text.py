"""The text of a settings file to settings, or to every fault at once."""

from __future__ import annotations

import pytest

from egxds.errors import SettingsError
from egxds.settings.extensions import Hook
from egxds.settings.text import parse_settings

SOURCES = "sources: {files: {paths: [routes/]}}\n"
MANAGER = """\
  hooks: {xdsTranslator: {post: [Route, Translation], translation: {listener: {includeAll: true}}}}
  service: {fqdn: {hostname: 127.0.0.1, port: 5005}}
  timeout: 1m30s
  maxMessageSize: 4Mi
  cacheTTL: 0
"""
ROUTE_HOOK = "hooks: {xdsTranslator: {post: [Route]}}"
NUMBER_IN_QUOTES = "must be a whole number, but is the string '5005'; write it without quotes"
KIND_FAULT = "service.tls.certificateRef.kind: must be Secret, but is the string 'ConfigMap'"
SERVICE_FAULTS = (
    ('python: "a b:c"', "service.python: 'a b:c' names no Python object: write package.module:object"),
    ("python: a.b", "service.python: 'a.b' names no Python object: write package.module:object"),
    ("python: a:b, tls: {caFile: c}, retry: {}", "service: retry and tls are for a server; python has none"),
    ("unix: {path: s}, path: [d]", "service: path is for python, which is not given"),
    ("unix: {path: s}, tls: {}", "service.tls: give one of caFile and certificateRef"),
    (
        "unix: {path: s}, tls: {caFile: c, certificateRef: {name: n}}",
        "service.tls: give one of caFile and certificateRef",
    ),
    (
        "unix: {path: s}, tls: {caFile: c, certFile: c, keyFile: k, clientCertificateRef: {name: n}}",
        "service.tls: give certFile and keyFile, or clientCertificateRef, not both",
    ),
    ("unix: {path: s}, tls: {certificateRef: {name: n, kind: ConfigMap}}", KIND_FAULT),
    ("unix: {path: s}, tls: {caFile: c, keyFile: k}", "service.tls: give certFile and keyFile, or neither"),
    (
        "unix: {path: s}, tls: {caFile: c}",
        "service: tls on a Unix socket needs serverName: a socket has no name to check",
    ),
)


def faults(text: str) -> list[str]:
    """Read settings that are refused; return the problems as a user sees them."""
    with pytest.raises(SettingsError) as caught:
        parse_settings(text, "egxds.yaml")
    assert str(caught.value) == "\n".join(map(str, caught.value.problems))
    return [str(problem).removeprefix("egxds.yaml:") for problem in caught.value.problems]


@pytest.mark.parametrize(("written", "seconds"), [("", 1.0), (", removalDelay: 0s", 0.0), (", removalDelay: 1m", 60.0)])
def test_how_long_what_disappears_stays(written: str, seconds: float) -> None:
    """A second; none at all turns it off."""
    settings = parse_settings(f"sources: {{files: {{paths: [a]{written}}}}}", "f")
    assert settings.sources.in_files.removal_delay == seconds


def test_settings_are_read() -> None:
    """Keys are camelCase, durations and sizes have units, what is left out has its default."""
    settings = parse_settings(
        "sources:\n  files:\n    paths: [routes, x.yaml]\n    pollInterval: 500ms\nlogging: {level: debug}\n", "f"
    )
    assert settings.sources.in_files.paths == ("routes", "x.yaml")
    assert settings.sources.in_files.poll_interval == 0.5
    assert settings.logging.level == "debug"
    assert settings.xds.address == "127.0.0.1:18000"
    assert settings.extensions == ()


@pytest.mark.parametrize(
    "text",
    [
        f"extensionManager:\n{MANAGER}",
        f"extensionManagers:\n- name: authz\n{MANAGER}",
    ],
)
def test_extension_manager_in_the_singular_and_the_plural(text: str) -> None:
    """Envoy Gateway's own key takes one extension, the plural takes several with names."""
    (manager,) = parse_settings(SOURCES + text, "f").extensions
    assert manager.hooks.xds_translator.post == (Hook.ROUTE, Hook.TRANSLATION)
    assert manager.hooks.xds_translator.translation.listener.include_all
    assert manager.timeout == 90.0
    assert manager.max_message_size == 4 * 1024 * 1024
    assert manager.cache_ttl == 0.0


def test_envoy_gateways_empty_blocks_and_many_attempts_are_taken() -> None:
    """What Envoy Gateway takes is taken: a block that is empty is as none, and attempts have no upper limit."""
    empty = "translation: {listener: {}, route: {}, cluster: {}, secret: {}}"
    hooks = f"hooks: {{xdsTranslator: {{post: [Translation], {empty}}}}}"
    service = "service: {unix: {path: /run/x.sock}, retry: {maxAttempts: 50, initialBackoff: 250us}}"
    text = f"extensionManager: {{{hooks}, {service}, maxMessageSize: 1.5Gi}}"
    (extension,) = parse_settings(SOURCES + text, "f").extensions
    translation = extension.hooks.xds_translator.translation
    assert not translation.listener.include_all
    assert not translation.route.include_all
    assert translation.cluster.include_all
    assert translation.secret.include_all
    assert extension.service.retry.max_attempts == 50
    assert extension.max_message_size == 3 * 2**29


def test_where_an_extension_is_may_be_a_python_object() -> None:
    """A package that no directory of Python's own has is looked for beside the settings."""
    text = f"extensionManager: {{{ROUTE_HOOK}, service: {{python: 'a.b:c.d', path: [hooks]}}}}"
    (manager,) = parse_settings(SOURCES + text, "f").extensions
    assert (manager.service.python, manager.service.path) == ("a.b:c.d", ("hooks",))


def test_what_is_held_is_held_for_ever_unless_the_settings_say_otherwise() -> None:
    """`holdFor` is a duration, `stateDir` a path."""
    text = f"stateDir: state\nextensionManager:\n{MANAGER}  onFailure: hold\n"
    endless = parse_settings(SOURCES + text, "f")
    assert (endless.state_dir, endless.extensions[0].hold_for) == ("state", None)
    assert parse_settings(SOURCES + text + "  holdFor: 10m\n", "f").extensions[0].hold_for == 600.0


def test_all_faults_come_at_once() -> None:
    """Every fault is reported, with its line and path, in the order of the lines."""
    text = """\
sources:
  files: {pollInterval: 10}
xds:
  adress: 0.0.0.0:1
extensionManagers:
- name: authz
  hooks: {xdsTranslator: {post: []}}
  service:
    fqdn:
      hostname: auth
      port: "5005"
- nonsense
"""
    assert faults(text) == [
        "2: error: sources.files.paths: is missing",
        "2: error: sources.files.pollInterval: a duration needs its unit: write 500ms, 10s or 1m30s",
        "4: error: xds.adress: unknown key; did you mean address?",
        "7: error: extensionManagers[0].hooks.xdsTranslator: post names no hook; name at least one",
        f"11: error: extensionManagers[0].service.fqdn.port: {NUMBER_IN_QUOTES}",
        "12: error: extensionManagers[1]: must be a mapping of names to values, but is the string 'nonsense'",
    ]


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        (
            "sources: {files: {paths: x}}",
            "1: error: sources.files.paths: must be a list, but is the string 'x'",
        ),
        ("sources: {files: {paths: []}}", "1: error: sources.files.paths: is empty; at least 1 is needed"),
        ("sources: {files: {paths: [{}]}}", "1: error: sources.files.paths[0]: must be text, but is a mapping"),
        ("sources:", "1: error: sources: must be a mapping of names to values, but is empty"),
        ("sources: []", "1: error: sources: must be a mapping of names to values, but is a list"),
        ("[]", "1: error: must be a mapping of names to values, but is a list"),
        (
            SOURCES + "xds: {address: 18000}",
            "2: error: xds.address: must be text, but is the number 18000; put it in quotes",
        ),
        (
            SOURCES + "xds: {maxReceiveMessageSize: 1.5}",
            "2: error: xds.maxReceiveMessageSize: must be a whole number, but is the number 1.5",
        ),
        (
            SOURCES + "xds: {maxReceiveMessageSize: .inf}",
            "2: error: xds.maxReceiveMessageSize: must be a finite number, but is the number inf",
        ),
        (
            SOURCES + "xds: {address: true}",
            "2: error: xds.address: must be text, but is true; put it in quotes",
        ),
        (
            SOURCES + "logging: {level: loud}",
            "2: error: logging.level: must be debug, info, warning or error, but is the string 'loud'",
        ),
        (
            SOURCES + "addresses: {pool: [10.0.0.0/33]}",
            "2: error: addresses.pool[0]: '10.0.0.0/33' does not appear to be an IPv4 or IPv6 network",
        ),
        (
            SOURCES + f"extensionManager:\n{MANAGER}  failOpen: yes",
            "8: error: extensionManager.failOpen: must be true or false, but is the string 'yes'",
        ),
        (
            SOURCES + f"extensionManager:\n{MANAGER}  failOpen: true\n  onFailure: deny",
            "2: error: extensionManager: failOpen: true and onFailure: deny contradict each other; keep onFailure",
        ),
        (
            SOURCES + f"extensionManager: {{{ROUTE_HOOK}, service: {{}}}}",
            "2: error: extensionManager.service: give exactly one of fqdn, ip, unix and python",
        ),
        *(
            (
                SOURCES + f"extensionManager: {{{ROUTE_HOOK}, service: {{{service}}}}}",
                f"2: error: extensionManager.{fault}",
            )
            for service, fault in SERVICE_FAULTS
        ),
        (
            SOURCES + f"extensionManager:\n{MANAGER}  holdFor: 10m",
            "2: error: extensionManager: holdFor is for onFailure: hold, which is not given",
        ),
        (
            SOURCES + f"extensionManager: {{{ROUTE_HOOK}, service: {{ip: {{address: a, port: 0}}}}}}",
            "2: error: extensionManager.service.ip.port: must be at least 1, but is the number 0",
        ),
        (
            SOURCES + f"extensionManager: {{{ROUTE_HOOK}, service: {{ip: {{address: a, port: 65536}}}}}}",
            "2: error: extensionManager.service.ip.port: must be at most 65535, but is the number 65536",
        ),
        (
            SOURCES + f"extensionManagers:\n- name: a\n{MANAGER}- name: a\n{MANAGER}",
            "1: error: every entry of extensionManagers needs a name of its own",
        ),
    ],
)
def test_each_fault_is_told_in_words_of_yaml(text: str, fault: str) -> None:
    """A message says what must stand there and what does, as its author would call it."""
    assert faults(text) == [fault]


def test_the_kinds_of_an_extension_are_read() -> None:
    """Envoy Gateway's three lists, and what an extension may refer to or leave out."""
    kind = "[{group: shop.test, version: v1, kind: Pool}]"
    more = f"  policyResources: {kind}\n  backendResources: {kind}\n  allowEmpty: true\n  bootstrapClusters: [authz]\n"
    (manager,) = parse_settings(SOURCES + f"extensionManager:\n{MANAGER}{more}", "f").extensions
    assert manager.resources == ()
    assert [entry.kind for entry in (*manager.policy_resources, *manager.backend_resources)] == ["Pool", "Pool"]
    assert (manager.allow_empty, manager.bootstrap_clusters) == (True, ("authz",))


def test_unknown_hook_is_told_those_there_are() -> None:
    """A value that is not among the choices is shown with all of them."""
    (fault,) = faults(SOURCES + f"extensionManager:\n{MANAGER}".replace("Translation]", "Rout]"))
    assert fault.startswith("3: error: extensionManager.hooks.xdsTranslator.post[1]: must be Route, Endpoints, ")
    assert fault.endswith(", but is the string 'Rout'; did you mean Route?")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("sourcess: {}", "sourcess: unknown key; did you mean sources?"),
        ("xds: {tls: {certFile: a, keyFile: b, clientCaFile: c}}", "unknown key; did you mean clientCAFile?"),
        ("sources: {files: {paths: [a], poll_interval: 1s}}", "unknown key; did you mean pollInterval?"),
        ("extensionManagers:\n- {onfailure: deny}", "[0].onfailure: unknown key; did you mean onFailure?"),
        ("extensionManager: {service: {retry: {attempts: 3}}}", "did you mean maxAttempts?"),
        ("logging: {zzz: 1}", "logging.zzz: unknown key; there are level, format"),
    ],
)
def test_unknown_key_is_named_with_the_one_that_may_be_meant(text: str, said: str) -> None:
    """A misspelt key is an error that names the nearest key of its mapping, or all of them."""
    assert any(fault.endswith(said) for fault in faults(text))


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("a: [", "1: error: not valid YAML: did not find expected node content while parsing a flow node"),
        ("a: 1\na: 2", "2: error: the key stands here and on line 1: keep one"),
        ("a: 1\n---\nb: 2", "2: error: a second document starts here where one is expected: remove it"),
    ],
)
def test_text_that_is_no_yaml_is_one_fault(text: str, fault: str) -> None:
    """Where the YAML itself is wrong its line is named."""
    assert faults(text) == [fault]


@pytest.mark.parametrize("text", ["", "# nothing yet\n"])
def test_empty_file_is_a_fault(text: str) -> None:
    """An empty settings file is not all defaults: paths are needed."""
    assert faults(text) == [" error: is empty: give at least sources.files.paths"]


@pytest.mark.parametrize(
    "text",
    [
        "sources: {files: {paths: %s}}",
        "sources: {files: {paths: [a], pollInterval: %s}}",
        SOURCES + "addresses: {pool: [%s]}",
        SOURCES + "logging: {level: %s}",
        SOURCES + "envoys: [{admin: %s}]",
        SOURCES + "%s: 1",
        SOURCES + "xds: {%s: 1}",
        SOURCES + "extensionManager: %s",
        "%s",
    ],
)
def test_long_values_are_not_echoed(text: str) -> None:
    """What was pasted by mistake, perhaps a secret, does not end up in the log."""
    pasted = "s3cr3t" * 50
    for fault in faults(text % pasted):
        assert pasted[:70] not in fault
        assert len(fault) < 300


@pytest.mark.parametrize("address", ["127.0.0.1:19000", "[::1]:19000", "envoy.test:1", "unix:/run/envoy.sock"])
def test_admin_page_of_an_envoy(address: str) -> None:
    """It is where every address of ours may be."""
    (envoy,) = parse_settings(f"{SOURCES}envoys: [{{admin: '{address}'}}]", "egxds.yaml").envoys
    assert envoy.admin == address


@pytest.mark.parametrize(
    "address", ["", "19000", "127.0.0.1", "127.0.0.1:0", "a:65536", "http://a:1", "::1:80", "unix:"]
)
def test_no_admin_page_of_an_envoy(address: str) -> None:
    """What is no address is a fault that says how one is written."""
    (fault,) = faults(f"{SOURCES}envoys: [{{admin: '{address}'}}]")
    assert "is no address: write host:port, [ipv6]:port or unix:/path" in fault
