"""What Envoy asks of values that no rule of a field describes: a row for each type of message. Pure.

Each row was seen with Envoy 1.40, which refuses the whole RouteConfiguration, Listener or Cluster for it
(`tests/envoy/test_contents.py`). What depends on the machine of an Envoy (files, variables, plugins) is not looked at.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from egxds.resources.validation.contents.clusters import CLUSTER_CONTENTS
from egxds.resources.validation.contents.filters import FILTER_CONTENTS
from egxds.resources.validation.contents.formats import FORMAT_CONTENTS
from egxds.resources.validation.contents.listeners import LISTENER_CONTENTS
from egxds.resources.validation.contents.plain import PLAIN_CONTENTS
from egxds.resources.validation.contents.routes import ROUTE_CONTENTS

CONTENTS: Mapping[str, Callable[[Any], Iterator[str]]] = {
    **PLAIN_CONTENTS,
    **FORMAT_CONTENTS,
    **ROUTE_CONTENTS,
    **CLUSTER_CONTENTS,
    **LISTENER_CONTENTS,
    **FILTER_CONTENTS,
}
"""Type of message → what finds out what is wrong in one."""
