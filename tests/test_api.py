"""What plugins may import is documented name by name, and says what it takes and gives."""

import concurrent.futures
import functools
import importlib
import inspect
import re
import types
import typing
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509

from qsjwt import api, testing

LISTED = (Path(__file__).parent.parent / "doc" / "reference" / "api.md").read_text(encoding="utf-8")

_IN_ANNOTATIONS = [
    "OptionGroup",
    "Exchange",
    "Explanation",
    "JsonObject",
    "Presentation",
    "Registration",
    "Request",
    "Site",
    "Survey",
]
FOR_TYPES_ALONE = {
    **{"x509": x509, "Future": concurrent.futures.Future},
    **{name: getattr(api, name) for name in _IN_ANNOTATIONS},
}
"""Names that annotations have and their modules import only for type checkers."""


def _listed(module: str) -> list[str]:
    """Return the names that the document lists for *module*: the first words of its table."""
    part = LISTED.partition(f"\n## `{module}`\n")[2].partition("\n## ")[0]
    return re.findall(r"^\| `(\w+)", part, re.MULTILINE)


CHECKS = [name for name, function in inspect.getmembers(api.checks, inspect.isfunction) if not name.startswith("_")]


@pytest.mark.parametrize(
    ("module", "names"),
    [
        ("qsjwt.api", api.__all__),
        ("qsjwt.api.checks", [name for name in CHECKS if getattr(api.checks, name).__module__ == api.checks.__name__]),
        ("qsjwt.testing", testing.__all__),
    ],
)
def test_the_document_lists_exactly_what_there_is(module: str, names: list[str]) -> None:
    assert sorted(_listed(module)) == sorted(names)


def test_every_name_can_be_imported() -> None:
    for name in ("qsjwt.api", "qsjwt.testing"):
        module = importlib.import_module(name)
        namespace: dict[str, Any] = {}
        exec(f"from {name} import *", namespace)  # noqa: S102 - that is what is tested
        assert set(namespace) - {"__builtins__"} == set(module.__all__)


def _functions() -> Iterator[tuple[str, Any]]:
    """Yield each public function, and each method of a public class that is written there, by its name."""
    for name in api.__all__:
        yield from _in_object(name, getattr(api, name))
    for name in testing.__all__:
        yield from _in_object(f"testing.{name}", getattr(testing, name))


def _in_object(name: str, found: Any) -> Iterator[tuple[str, Any]]:
    if inspect.isfunction(found):
        yield name, found
    elif inspect.ismodule(found):
        for inner, function in vars(found).items():
            if not inner.startswith("_") and getattr(function, "__module__", "") == found.__name__:
                yield from _in_object(f"{name}.{inner}", function)
    elif inspect.isclass(found):
        for inner, member in vars(found).items():
            if not inner.startswith("_") or inner == "__init__":
                function = _function(member)
                if function is not None and function.__module__ == found.__module__:
                    yield f"{name}.{inner}", function


def _function(member: Any) -> Any:
    match member:
        case types.FunctionType():
            return member
        case staticmethod() | classmethod():
            return member.__func__
        case property():
            return member.fget
        case functools.cached_property():
            return member.func
        case _:
            return None


FUNCTIONS = dict(_functions())


def test_the_functions_that_are_looked_at_are_many() -> None:
    assert {"create_token", "checks.string", "Platform.build", "Signer.thumbprint", "PublicKey.pem"} <= set(FUNCTIONS)
    assert len(FUNCTIONS) > 100


@pytest.mark.parametrize("name", FUNCTIONS)
def test_every_parameter_and_every_result_has_its_type(name: str) -> None:
    function = FUNCTIONS[name]
    hints = typing.get_type_hints(function, localns=FOR_TYPES_ALONE)
    parameters = [parameter for parameter in inspect.signature(function).parameters if parameter not in ("self", "cls")]
    assert [parameter for parameter in parameters if parameter not in hints] == []
    assert "return" in hints


@pytest.mark.parametrize("name", [name for name in api.__all__ if inspect.isclass(getattr(api, name))])
def test_every_class_says_what_it_is_and_what_its_methods_do(name: str) -> None:
    found = getattr(api, name)
    assert found.__doc__
    assert found.__doc__ != inspect.getdoc(found.__base__)
    typing.get_type_hints(found, localns=FOR_TYPES_ALONE)
    for inner, function in _in_object(name, found):
        method = inner.partition(".")[2]
        assert method == "__init__" or inspect.getdoc(getattr(found, method)), inner
        assert function


@pytest.mark.parametrize("name", [name for name in FUNCTIONS if "." not in name or name.startswith("checks.")])
def test_every_function_says_what_it_does(name: str) -> None:
    assert inspect.getdoc(FUNCTIONS[name])
