"""What Envoys say of their machines, and what they say of what they were sent."""

from __future__ import annotations

import pytest

from egxds.inspect.machine_faults import is_of_machine, is_of_socket

OF_SOCKETS = (
    "Error adding/updating listener(s) default/web/a: cannot bind '0.0.0.0:80': Address already in use\n",
    "cannot bind '0.0.0.0:80': Permission denied",
    "cannot bind '192.0.2.1:80': Cannot assign requested address",
    "ListenSocket: Setting socket options failed",
)
OF_FILES = (
    "Failed to load certificate chain from <inline>, Invalid path: /no/such/file",
    "file /no/such/page.html does not exist",
    "paths must refer to an existing path in the system: '/no/such' does not exist",
)
OF_CONTENT = (
    "route: unknown cluster 'x'",
    "Cluster x does not exist",
    "script load error: [string \"x\"]:1: '=' expected near 'is'",
    "regex 'a{1000}' RE2 program size of 4005 > max program size of 100 set for the error level threshold",
    "Only unique values for domains are permitted. Duplicate entry of domain a.test",
)


@pytest.mark.parametrize("message", OF_SOCKETS)
def test_an_address_is_the_machines(message: str) -> None:
    """Hooks are not told of it."""
    assert is_of_socket(message)
    assert is_of_machine(message)


@pytest.mark.parametrize("message", OF_FILES)
def test_a_file_is_the_machines(message: str) -> None:
    """And may have been thought up by a hook."""
    assert is_of_machine(message)
    assert not is_of_socket(message)


@pytest.mark.parametrize("message", OF_CONTENT)
def test_all_else_is_about_the_content(message: str) -> None:
    """An edit may be to blame for it."""
    assert not is_of_machine(message)
