"""Stubs of Envoy's messages: mypy takes what is right in an author's module, and finds what is misspelt."""

from __future__ import annotations

import os
import subprocess
import sys
import uuid
from pathlib import Path
from textwrap import dedent

import pytest

from egxds.extension.stub_files import write_stubs

ROOT = Path(__file__).absolute().parents[3]
SETTINGS = """
[mypy]
strict = true
explicit_package_bases = true
mypy_path = $MYPY_CONFIG_FILE_DIR/typings:{root}
cache_dir = {directory}/cache

# It is found in a checkout here, where mypy reports on it, and not in site-packages.
[mypy-egxds.*]
follow_imports = silent
"""


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with the stubs, and with settings that have mypy find them."""
    directory = tmp_path_factory.mktemp("project")
    assert write_stubs(directory / "typings") > 500
    (directory / "mypy.ini").write_text(SETTINGS.format(root=ROOT, directory=directory))
    return directory


def check(project: Path, text: str) -> list[str]:
    """Return what mypy has to say about a module, line by line."""
    # A name of its own: mypy knows a module again by its size and the second in which it was written.
    module = project / f"mine_{uuid.uuid4().hex}.py"
    module.write_text("from egxds.extension import *\n" + dedent(text))
    command = [sys.executable, "-m", "mypy", "--no-error-summary", "--hide-error-context", module.name]
    environment = {key: value for key, value in os.environ.items() if key != "MYPYPATH"}
    return subprocess.run(
        command, cwd=project, env=environment, capture_output=True, text=True, check=False
    ).stdout.splitlines()


RIGHT = """
from envoy.config.core.v3.base_pb2 import DataSource, HeaderValueOption
from envoy.extensions.filters.http.basic_auth.v3.basic_auth_pb2 import BasicAuth

class Mine(Hooks):
    async def route(self, route: Route, context: RouteContext) -> Route:
        route.match.prefix = "/"
        route.route.timeout.FromSeconds(3)
        route.metadata.filter_metadata["mine"].fields["a"].string_value = "b"
        if route.WhichOneof("action") == "route" and route.HasField("match") and context.rule:
            set_response_header(route, "x-route", context.rule.name)
        action = HeaderValueOption.OVERWRITE_IF_EXISTS_OR_ADD
        route.request_headers_to_add.append(HeaderValueOption(header={"key": "a", "value": "b"}, append_action=action))
        route.request_headers_to_add.add(append_action=action).header.key = "c"
        route.request_headers_to_remove.extend(["x"])
        text: str = context.resources[0]["spec"]["text"]
        set_filter_config(route, "x", BasicAuth(users=DataSource(inline_string=text)))
        return route

    async def http_listener(self, listener: Listener, context: ListenerContext) -> Listener | None:
        for manager in connection_managers(listener):
            manager.http_filters[0].disabled = manager.stream_idle_timeout.seconds > 3
        add_http_filter(listener, http_filter("x", BasicAuth()), after="y")
        return listener

    async def translation(self, resources: Resources, context: TranslationContext) -> Resources:
        resources.clusters.append(service_cluster("authz", "authz:80", http2=True))
        return resources
"""


def test_what_is_right_is_taken(project: Path) -> None:
    """Strictly, and without a cast."""
    assert check(project, RIGHT) == []


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("route.respons_headers_to_add.clear()", '"Route" has no attribute "respons_headers_to_add"; maybe '),
        ("route.match.prefx = '/'", '"RouteMatch" has no attribute "prefx"; maybe "prefix"?'),
        ("Route(nam='x')", 'Unexpected keyword argument "nam" for "Route"; did you mean "name"?'),
        ("route.route.cluster = 7", 'Incompatible types in assignment (expression has type "int"'),
        ("route.HasField('rout')", 'Argument 1 to "HasField" of "Route" has incompatible type'),
        ("route.route = None", 'Property "route" defined in "Route" is read-only'),
        ("route.request_headers_to_remove.append(7)", 'Argument 1 to "append" of "RepeatedScalarFieldContainer"'),
        ("route.request_headers_to_add.add(append_acton=1)", 'Unexpected keyword argument "append_acton" for "add"'),
        ("route.request_headers_to_add[0].header.kay = 'x'", '"HeaderValue" has no attribute "kay"'),
        ("context.rul", '"RouteContext" has no attribute "rul"; maybe "rule"?'),
        ("set_request_header(context, 'a', 'b')", 'Argument 1 to "set_request_header" has incompatible type'),
    ],
)
def test_what_is_misspelt_is_found(project: Path, line: str, said: str) -> None:
    """With its line, and with what was meant."""
    text = f"""
    class Mine(Hooks):
        async def route(self, route: Route, context: RouteContext) -> Route:
            {line}
            return route
    """
    first, *_ = check(project, text)
    assert ":5: error: " in first
    assert said in first


def test_a_hook_of_another_form_is_found(project: Path) -> None:
    """The base class has the six forms."""
    text = """
    class Mine(Hooks):
        async def virtual_host(self, host: Route, context: VirtualHostContext) -> Route:
            return host
    """
    assert any('"virtual_host" is incompatible with supertype' in line for line in check(project, text))


def test_the_stubs_are_right_in_themselves(project: Path) -> None:
    """Every module of them, names that are keywords or Python's own included."""
    command = [sys.executable, "-m", "mypy", "--no-error-summary", "typings"]
    made = subprocess.run(command, cwd=project, capture_output=True, text=True, check=False)
    assert (made.stdout, made.returncode) == ("", 0)
