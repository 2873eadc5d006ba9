"""Classes of the API: what an object of one weighs."""

from __future__ import annotations

import importlib
import pkgutil

import pytest

from egxds.model import api
from egxds.model.api.object import ApiModel

MODULES = [importlib.import_module(f"{api.__name__}.{found.name}") for found in pkgutil.iter_modules(api.__path__)]
CLASSES = {
    value
    for module in MODULES
    for value in vars(module).values()
    if isinstance(value, type) and issubclass(value, ApiModel)
}


@pytest.mark.parametrize("content", sorted(CLASSES, key=repr))
def test_objects_have_no_dict_of_their_own(content: type[ApiModel]) -> None:
    """A class that is not declared as one of the API would know no field of its own, and weigh ten times as much."""
    assert "__pydantic_validator__" in vars(content)
    assert not hasattr(object.__new__(content), "__dict__")
