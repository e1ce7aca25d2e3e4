"""JSON (RFC 8259), strictly: no member twice, no NaN, nothing that is nested without end."""

import json
from typing import Any, Final

_MAX_DIGITS: Final = 308
"""An integer of so many is still a double, as every other number in JSON is."""

_MAX_DEPTH: Final = 64
"""Levels of arrays and objects in JSON; what shows a value must be able to follow."""


def parse_json(text: str) -> Any:
    """Return the value of a JSON text (RFC 8259), strictly.

    :raises ValueError: if it is not JSON, repeats a member of an object, or holds a number that JSON cannot
        (NaN, Infinity, or beyond a double); its text names the fault and shows nothing of the content.
    """
    try:
        value = _DECODER.decode(text)
    except json.JSONDecodeError as cause:
        line = f"line {cause.lineno}, " if "\n" in text else ""
        raise ValueError(f"it is not JSON: {cause.msg.lower()} at {line}column {cause.colno}") from None
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    if _depth(value) > _MAX_DEPTH:
        raise ValueError("it is nested too deeply")
    return value


def _members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a member appears twice in an object")
    return found


def _number(digits: str) -> float:
    value = float(digits)
    if value in (float("inf"), float("-inf")):
        raise ValueError("a number is too large")
    return value


def _integer(digits: str) -> int:
    if len(digits) > _MAX_DIGITS:
        raise ValueError("a number is too large")
    return int(digits)


def _constant(_name: str) -> Any:
    raise ValueError("NaN and Infinity are not JSON")


_DECODER: Final = json.JSONDecoder(
    object_pairs_hook=_members, parse_float=_number, parse_int=_integer, parse_constant=_constant
)


def _depth(value: Any) -> int:
    depth, level = 0, [value]
    while level:
        depth += 1
        level = [
            inner
            for outer in level
            if isinstance(outer, dict | list)
            for inner in (outer.values() if isinstance(outer, dict) else outer)
        ]
    return depth
