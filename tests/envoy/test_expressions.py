"""A real Envoy and the check of expressions (CEL) agree: what it would refuse a Listener for is refused before."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.envoy.envoy_process import check_config
from tests.envoy.odd_expressions import REFUSED, TAKEN

pytestmark = pytest.mark.envoy

_LOGGERS = "type.googleapis.com/envoy.extensions.access_loggers"


def _listener(number: int, expression: str) -> dict[str, Any]:
    config = {"@type": f"{_LOGGERS}.filters.cel.v3.ExpressionFilter", "expression": expression}
    file = {"@type": f"{_LOGGERS}.file.v3.FileAccessLog", "path": "/dev/null"}
    chosen = {"extension_filter": {"name": "cel", "typed_config": config}}
    return {
        "name": f"listener-{number}",
        "address": {"socket_address": {"address": "127.0.0.1", "port_value": 0}},
        "access_log": [{"name": "file", "typed_config": file, "filter": chosen}],
        "filter_chains": [{}],
    }


def _config(*expressions: str) -> dict[str, Any]:
    listeners = [_listener(number, each) for number, each in enumerate(expressions)]
    return {"static_resources": {"listeners": listeners}}


def test_envoy_takes_what_is_taken(envoy_binary: Path, tmp_path: Path) -> None:
    """All of it, in one configuration."""
    found = check_config(envoy_binary, _config(*TAKEN), tmp_path)
    assert found.returncode == 0, found.stderr


@pytest.mark.parametrize("expression", REFUSED)
def test_envoy_refuses_what_is_refused(envoy_binary: Path, tmp_path: Path, expression: str) -> None:
    """With the whole configuration."""
    assert check_config(envoy_binary, _config(expression), tmp_path).returncode != 0
