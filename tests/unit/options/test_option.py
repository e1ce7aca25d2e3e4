"""Options as they are declared: what parsing, batches and help make of them."""

import argparse
from typing import Any

import pytest

from qsjwt.errors import InputError
from qsjwt.options.option import Option
from qsjwt.options.parser import Parser


def _parser(*names: str, **settings: Any) -> tuple[Parser, Option]:
    parser = Parser("qsjwt thing", "Do it.")
    return parser, parser.group("who").add(*names, **settings)


@pytest.mark.parametrize(
    ("settings", "words", "value"),
    [
        ({}, (), None),
        ({}, ("--it", "a"), "a"),
        ({"default": "7", "type": int}, (), 7),
        ({"type": int}, ("--it", "8"), 8),
        ({"nargs": "+"}, ("--it", "a", "b"), ("a", "b")),
        ({"nargs": "+", "action": "extend"}, ("--it", "a", "--it", "b", "c"), ("a", "b", "c")),
        ({"action": "append"}, ("--it", "a", "--it", "b"), ("a", "b")),
        ({"nargs": 2, "action": "append"}, ("--it", "a", "b", "--it", "c", "d"), (("a", "b"), ("c", "d"))),
        ({"nargs": "?", "const": "true", "default": "false"}, ("--it",), "true"),
        ({"action": "store_true"}, (), False),
        ({"action": "store_true"}, ("--it",), True),
        ({"action": "store_false"}, (), True),
        ({"action": "store_false"}, ("--it",), False),
        ({"action": "count", "default": 0}, ("--it", "--it"), 2),
        ({"action": argparse.BooleanOptionalAction}, ("--no-it",), False),
    ],
)
def test_the_value_of_an_option_is_that_of_argparse_and_cannot_be_changed(
    settings: dict[str, Any], words: tuple[str, ...], value: object
) -> None:
    parser, _ = _parser("--it", **settings)
    options = parser.parse_args(words)
    assert options.it == options["it"] == value
    assert options.given == ({"it"} if words else set())
    with pytest.raises(AttributeError, match="cannot be set"):
        options.it = 1


@pytest.mark.parametrize(
    ("settings", "cell", "value"),
    [
        ({"type": int}, 7, 7),
        ({"type": int}, "7", 7),
        ({}, True, "true"),
        ({"nargs": "+", "action": "extend"}, ["a", 1], ("a", "1")),
        ({"nargs": "+", "action": "extend"}, "a; b;", ("a", "b")),
        ({"nargs": "+", "action": "extend"}, [], None),
        ({"nargs": "*"}, [], ()),
        ({"action": "append"}, "a;b", ("a", "b")),
        ({"nargs": 2, "action": "append"}, [["a", "b"], ["c", "d"]], (("a", "b"), ("c", "d"))),
        ({"nargs": 2, "action": "append"}, ["a", "b"], (("a", "b"),)),
        ({"action": "store_true"}, "true", True),
        ({"action": "store_true"}, False, None),
        ({"action": "store_false"}, True, False),
        ({"action": "count"}, 3, 3),
        ({"action": "count"}, 0, None),
        ({"action": argparse.BooleanOptionalAction}, False, False),
    ],
)
def test_a_cell_of_a_batch_has_the_value_that_the_command_line_would_give(
    settings: dict[str, Any], cell: object, value: object
) -> None:
    _, option = _parser("--it", **settings)
    assert option.from_cell(cell, ";") == value


@pytest.mark.parametrize(
    ("settings", "cell", "message"),
    [
        ({"type": int}, "x", "invalid value for --it: 'x'"),
        ({"choices": ("a", "b")}, "c", r"invalid choice for --it: 'c' \(choose from a, b\)"),
        ({}, ["a"], "--it takes one value, not an array"),
        ({}, {"a": 1}, "--it takes a string, a number or a boolean, not an object"),
        ({}, object(), "not a value of the type object"),
        ({"nargs": 2}, ["a"], "--it takes 2 values at a time, not 1"),
        ({"action": "store_true"}, "maybe", r"invalid value for --it: 'maybe' \(must be true or false\)"),
    ],
)
def test_a_cell_that_does_not_suit_is_named_by_its_option(settings: dict[str, Any], cell: object, message: str) -> None:
    _, option = _parser("--it", **settings)
    with pytest.raises(InputError, match=message):
        option.from_cell(cell)


def test_the_repr_of_options_shows_names_alone() -> None:
    parser, _ = _parser("--it")
    assert repr(parser.parse_args(["--it", "hush"])) == "<Options help it>"


def test_an_option_in_the_place_of_another_is_refused() -> None:
    parser, _ = _parser("--it")
    with pytest.raises(ValueError, match="two options have the dest 'it'"):
        parser.group("more").add("--that", dest="it")


def test_an_action_that_no_row_could_follow_is_refused() -> None:
    with pytest.raises(ValueError, match="'store_const' is not an action"):
        _parser("--it", action="store_const", const=5)


def test_a_group_without_demands_requires_nothing() -> None:
    parser = Parser("qsjwt thing", "")
    group = parser.group("who", demands=False)
    group.add("--it", required=True)
    group.one_of(required=True).add("--that")
    assert parser.parse_args([]).it is None


def test_of_alternatives_one_is_required_and_one_alone_may_be_given() -> None:
    parser = Parser("qsjwt thing", "")
    one = parser.group("who").one_of(required=True)
    one.add("--it")
    one.add("--that")
    with pytest.raises(InputError, match="one of --it, --that is required"):
        parser.parse_args([])
    with pytest.raises(InputError, match="not allowed with"):
        parser.parse_args(["--it", "a", "--that", "b"])
    assert parser.format_usage() == "usage: qsjwt thing (--it IT | --that THAT) [OPTION ...]\n"


@pytest.mark.parametrize("text", ["100% of it", "%(nothing)s", "100%% of it", "%"])
def test_a_percent_sign_in_a_help_is_a_percent_sign(text: str) -> None:
    parser, option = _parser("--it", help=text)
    assert option.help == text.replace("%%", "%")
    assert text.replace("%%", "%") in parser.format_help()
