"""Objects of JSON that others wrote: what is missing or of another type is named, whatever is there."""

from collections.abc import Callable
from typing import Any

import pytest

from qsjwt.errors import InputError, ServerUnavailable
from qsjwt.io.json_object import JsonObject, json_object

READERS: dict[str, tuple[Callable[[JsonObject], Any], Any, Any]] = {
    "a string": (lambda read: read.text("m"), "x", ""),
    "an object": (lambda read: dict(read.object("m")), {"a": 1}, {}),
    "an array": (lambda read: read.texts("m"), ["a"], []),
    "an array of objects": (lambda read: [dict(one) for one in read.objects("m")], [{"a": 1}], []),
}
"""What a member is to be, to what reads it, a value of that type, and what a missing one is taken for."""


@pytest.mark.parametrize("kind", READERS)
def test_a_member_is_read_as_what_it_is_to_be_and_nothing_else(kind: str) -> None:
    read, right, empty = READERS[kind]
    assert read(JsonObject({"m": right}, "the file")) == right
    assert read(JsonObject({"m": None}, "the file")) == read(JsonObject({}, "the file")) == empty
    for wrong in (7, True, 1.5, "x", {"a": 1}, ["a"], [{"a": 1}], [None], [[1]]):
        try:
            assert read(JsonObject({"m": wrong}, "the file")) == wrong
        except InputError as error:
            assert error.message.startswith("'m' in the file is not ")


def test_an_inner_object_is_named_by_where_it_is_and_raises_what_the_outer_one_does() -> None:
    outer = JsonObject({"options": {"issuer": 7}}, "the response", ServerUnavailable)
    with pytest.raises(ServerUnavailable, match="'issuer' in 'options' in the response is not a string"):
        outer.object("options").text("issuer")


@pytest.mark.parametrize("members", [{}, {"m": None}, {"m": ""}, {"m": " \t"}])
def test_what_is_required_is_there_and_not_blank(members: dict[str, Any]) -> None:
    with pytest.raises(InputError, match="the file has no 'm'"):
        JsonObject(members, "the file").required_text("m")


@pytest.mark.parametrize("text", ["", "{", "[]", "7", "null", '{"a": 1, "a": 2}', "[" * 100])
def test_what_is_no_object_of_json_is_refused(text: str) -> None:
    with pytest.raises(ServerUnavailable, match=r"^the response (cannot be read|is not a JSON object)"):
        json_object(text, "the response", ServerUnavailable)


def test_an_object_is_a_mapping_of_its_members() -> None:
    read = json_object('{"a": "x", "b": [1]}', "the file")
    assert (list(read), len(read), read["b"], read.required_text("a")) == (["a", "b"], 2, [1], "x")
