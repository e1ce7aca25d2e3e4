"""Words for messages about claims: what a value is, which values would do, how long a span is."""

import math
from collections.abc import Sequence
from typing import Final

from qsjwt.times import format_duration

_DAY: Final = 86_400


def either(words: Sequence[str]) -> str:
    """Return *words* for a message, as "a, b or c"; empty if there are none."""
    return " or ".join(filter(None, [", ".join(words[:-1]), *words[-1:]]))


def kind(value: object) -> str:
    """Return what *value* is, with its article, in the words of JSON (RFC 8259, section 3)."""
    match value:
        case None:
            return "null"
        case bool():
            return "a boolean"
        case int() | float():
            return "a number"
        case str():
            return "a string"
        case list() | tuple():
            return "an array"
        case _:
            return "an object"


def span(seconds: float) -> str:
    """Return *seconds* in the unit that people would use, rounded."""
    if seconds > 2 * _DAY and seconds % _DAY:
        return f"more than {int(seconds // _DAY)} d"
    return format_duration(math.ceil(seconds))
