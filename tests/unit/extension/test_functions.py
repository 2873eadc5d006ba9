"""What is wrong with an object is said when it is loaded, and not in silence or at the first request."""

from __future__ import annotations

from textwrap import dedent
from typing import Any

import pytest

from egxds.errors import StartError
from egxds.extension.forms import FORMS
from egxds.extension.functions import check_asked, defined_functions, form_of, never_called
from egxds.settings.extensions import Hook


def made(body: str) -> object:
    """Make an object of a class with this body."""
    found: dict[str, Any] = {}
    source = f"from egxds.extension import Hooks\nclass Mine(Hooks):\n{dedent(body).replace(chr(10), chr(10) + '    ')}"
    exec(source.replace("class Mine(Hooks):\n", "class Mine(Hooks):\n    "), found)
    return found["Mine"]()


ROUTE = "async def route(self, route, context): return route\n"
FORM = "route must be a function of the form `async def route(self, route, context)`"


@pytest.mark.parametrize(
    ("body", "said"),
    [
        pytest.param(
            "pass",
            "hooks.xdsTranslator.post names Route: define `async def route(self, route, context)`, or take Route off",
            id="a post entry without its function",
        ),
        pytest.param(
            "def route(self, route, context): pass", FORM + ": a plain one would hold up all others", id="not async"
        ),
        pytest.param(
            "async def route(self, route): pass", FORM + ": too many positional arguments", id="a parameter less"
        ),
        pytest.param("async def route(route, context): pass", FORM + ": too many positional arguments", id="no self"),
        pytest.param(
            "async def route(self, a, b, c): pass", FORM + ": missing a required argument: 'c'", id="a parameter more"
        ),
        pytest.param(
            "async def route(self, *, route, context): pass", FORM + ": too many positional", id="by name only"
        ),
        pytest.param("route = 7", FORM, id="no function"),
        *(
            pytest.param(
                ROUTE + f"async def {name}(self, a, b): pass", f"{name} is no hook: did you mean {meant}?", id=name
            )
            for name, meant in {
                "virtualhost": "virtual_host",
                "virtual_hosts": "virtual_host",
                "VirtualHost": "virtual_host",
                "post_virtual_host_modify": "virtual_host",
                "vhost": "virtual_host",
                "on_cluster": "cluster",
                "clusters": "cluster",
                "endpoint": "endpoints",
                "listener": "http_listener",
                "httpListener": "http_listener",
                "PostHTTPListenerModify": "http_listener",
                "translate": "translation",
                "tranlsation": "translation",
            }.items()
        ),
    ],
)
def test_what_is_no_hook_is_refused(body: str, said: str) -> None:
    """With what it is, and what to write."""
    with pytest.raises(StartError) as caught:
        check_asked(defined_functions(made(body)), (Hook.ROUTE,))
    assert str(caught.value).startswith(said)


@pytest.mark.parametrize(
    "more",
    [
        "async def _virtualhost(self): pass",
        "async def aclose(self): pass",
        "async def fetch_users(self, url): pass",
        "def routes(self): return []",
        "@property\ndef clusters(self): raise RuntimeError('asked too early')",
        "listeners = ['http']",
    ],
)
def test_functions_of_other_purposes_are_no_matter(more: str) -> None:
    """What is private, unlike a hook, or nothing to await is the author's own."""
    assert set(defined_functions(made(ROUTE + more))) == {Hook.ROUTE}


@pytest.mark.parametrize(
    "route",
    [
        "async def route(self, *given): pass",
        "async def route(self, a, b, c=3): pass",
        "@staticmethod\nasync def route(a, b): pass",
    ],
)
def test_what_can_be_called_is_taken(route: str) -> None:
    """Names of parameters are the author's; so are more than are given."""
    assert set(defined_functions(made(route))) == {Hook.ROUTE}


def test_a_function_that_is_not_asked_for_is_said() -> None:
    """It is a warning: the function may be for another settings file."""
    defined = defined_functions(made(ROUTE + "async def cluster(self, cluster, context): pass"))
    said = "cluster is never called: add Cluster to hooks.xdsTranslator.post, or delete it"
    assert never_called(defined, (Hook.ROUTE,)) == (said,)
    assert never_called(defined, (Hook.ROUTE, Hook.CLUSTER)) == ()


def test_every_hook_has_a_form_that_it_takes() -> None:
    """What a message says to write is what is taken."""
    body = "\n".join(f"{form_of(hook)}: pass" for hook in Hook)
    assert set(defined_functions(made(body))) == set(FORMS)
