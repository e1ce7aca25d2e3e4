"""Find the objects in JSON that is no JSON Lines: an array of them, or one after the other, on any number of lines."""

import re
from collections.abc import Iterator
from typing import Final, NamedTuple

_MARKS: Final = re.compile(r'["{}\[\],\n]')
_IN_STRING: Final = re.compile(r'["\\\n]')


class Value(NamedTuple):
    """A value, as it is written.

    :ivar line: counts from 1, that of its first character; 0 if the next value is not there yet.
    :ivar text: None if it is too long.
    :ivar letters: how many there are up to its end.
    :ivar problem: what is wrong, if it is known without parsing.
    """

    line: int
    text: str | None
    letters: int = 0
    problem: str = ""


_NOT_YET: Final = Value(0, "")


def objects(pieces: Iterator[str], longest: int) -> Iterator[Value]:
    """Yield the values of the text in *pieces*: those in an array, and those beside each other, objects or not.

    They are not parsed, and so need not be JSON. An array that does not end comes as a value with a problem. The work
    is linear in the length of the text, and the memory in that of a value.

    :param longest: letters that a value may have; it comes without its text if it has more.
    """
    finder = _Finder(longest)
    for piece in pieces:
        if piece:
            yield from finder.feed(piece)
        else:
            yield _NOT_YET
    yield from finder.finish()


class _Finder:
    """What is known at a place in the text.

    ``_depth`` counts what is open, and ``_base`` is 1 within an array of values, otherwise 0. What is before ``_start``
    in the current piece has been dealt with.
    """

    def __init__(self, longest: int) -> None:
        self._longest = longest
        self._parts: list[str] = []
        self._start = self._size = self._letters = 0
        self._line, self._begun = 1, 1
        self._depth = self._base = 0
        self._in_string = self._escaped = self._wants_value = False

    def feed(self, piece: str) -> Iterator[Value]:
        """Yield the values that end in *piece*."""
        self._start = 0
        at = int(self._escaped)
        self._escaped = False
        while found := (_IN_STRING if self._in_string else _MARKS).search(piece, at):
            mark, at = found[0], found.end()
            if mark == "\n":
                # Taken line by line, so that the line a value begins on is known.
                self._take(piece, at)
                self._line += 1
            elif mark == "\\":
                self._escaped, at = at == len(piece), at + 1
            elif mark == '"':
                self._in_string = not self._in_string
            elif self._ends_value(piece, mark, at):
                yield self._value(at)
        self._take(piece, len(piece))
        self._letters += len(piece)

    def finish(self) -> Iterator[Value]:
        """Yield what is left at the end, if it is more than blanks."""
        if self._base:
            yield self._value(0)._replace(problem="the array that the rows are in does not end")
        elif self._size:
            yield self._value(0)

    def _ends_value(self, piece: str, mark: str, at: int) -> bool:
        """Tell whether a value ends with the *mark* in front of *at*."""
        if self._base and self._depth == self._base and mark in ",]":
            self._take(piece, at - 1)
            self._start = at
            is_value = mark == "," or self._size > 0 or self._wants_value
            self._wants_value = mark == ","
            if mark == "]":
                self._base = self._depth = 0
            return is_value
        if mark == "[" and self._depth == 0 and not (self._size or piece[self._start : at - 1].strip()):
            self._base = self._depth = 1
            self._start, self._wants_value = at, False
        elif mark in "{[":
            self._depth += 1
        elif mark in "}]" and self._depth > self._base:
            self._depth -= 1
            if self._depth == 0:
                self._take(piece, at)
                return True
        return False

    def _take(self, piece: str, end: int) -> None:
        text = piece[self._start : end]
        self._start = end
        if not self._size:
            text = text.lstrip()
            self._begun = self._line
        self._size += len(text)
        if self._size <= self._longest:
            self._parts.append(text)
        else:
            self._parts.clear()

    def _value(self, at: int) -> Value:
        text = "".join(self._parts) if self._size <= self._longest else None
        value = Value(self._begun, text, self._letters + at)
        self._parts.clear()
        self._size = 0
        return value
