"""JSON objects that others wrote: members are read by name and type, and what is not as it should be is named."""

from collections.abc import Iterator, Mapping
from typing import Any

from qsjwt.errors import InputError, QsJwtError
from qsjwt.io.strict_json import parse_json
from qsjwt.redaction import quoted


class JsonObject(Mapping[str, Any]):
    """A JSON object (RFC 8259, section 4) of a file or a server.

    A member that is null counts as missing.

    :ivar source: how messages call it, such as "the file 'proxy.json'".
    """

    def __init__(self, members: Mapping[str, Any], source: str, error: type[QsJwtError] = InputError) -> None:
        """Wrap *members*.

        :param error: the class to raise if a member is not as it should be.
        """
        self._members = members
        self._error = error
        self.source = source

    def __getitem__(self, name: str) -> Any:
        return self._members[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._members)

    def __len__(self) -> int:
        return len(self._members)

    def text(self, name: str) -> str:
        """Return the string *name*; empty if it is missing.

        :raises QsJwtError: of the class in *error*, as all methods do, if it is not a string.
        """
        value: str = self._read(name, str, "a string", "")
        return value

    def required_text(self, name: str) -> str:
        """Return the string *name*, which must not be missing or blank."""
        value = self.text(name)
        if not value.strip():
            raise self._error(f"{self.source} has no {quoted(name)}")
        return value

    def object(self, name: str) -> "JsonObject":
        """Return the object *name*; empty if it is missing."""
        return self._inner(name, self._read(name, dict, "an object", {}))

    def objects(self, name: str) -> list["JsonObject"]:
        """Return the objects in the array *name*; none if it is missing."""
        items = self._read(name, list, "an array", [])
        if not all(isinstance(item, dict) for item in items):
            raise self._wrong(name, "an array of objects")
        return [self._inner(name, item) for item in items]

    def texts(self, name: str) -> list[str]:
        """Return the strings in the array *name*; none if it is missing."""
        items: list[str] = self._read(name, list, "an array", [])
        if not all(isinstance(item, str) for item in items):
            raise self._wrong(name, "an array of strings")
        return items

    def _inner(self, name: str, members: Mapping[str, Any]) -> "JsonObject":
        return JsonObject(members, f"{quoted(name)} in {self.source}", self._error)

    def _read(self, name: str, kind: type[Any], called: str, default: Any) -> Any:
        value = self._members.get(name)
        if value is None:
            return default
        if not isinstance(value, kind):
            raise self._wrong(name, called)
        return value

    def _wrong(self, name: str, called: str) -> QsJwtError:
        return self._error(f"{quoted(name)} in {self.source} is not {called}")


def json_object(text: str, source: str, error: type[QsJwtError] = InputError) -> JsonObject:
    """Return the object that *text* is.

    :param source: as :attr:`JsonObject.source`.
    :raises QsJwtError: of the class *error*, if it is not JSON, or no object.
    """
    try:
        value = parse_json(text)
    except ValueError as cause:
        raise error(f"{source} cannot be read: {cause}") from None
    if not isinstance(value, dict):
        raise error(f"{source} is not a JSON object")
    return JsonObject(value, source, error)
