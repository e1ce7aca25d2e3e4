"""A short run of each target without a fuzzer, with the same changes each time; ``tox -e fuzz`` goes on from there."""

import random
from collections.abc import Iterator

import pytest

from qsjwt.errors import InputError, KeyUnavailable, PluginError, QsJwtError
from qsjwt.tokens.platform import PLATFORMS
from tests.fuzz.targets import TARGETS, Target, require_sentence

CHANGES_PER_TARGET = 400


def _changed(target: Target) -> Iterator[bytes]:
    """Yield inputs that are seeds but for a few places, and one seed spliced into another."""
    chance = random.Random(0)  # noqa: S311 - the same each time
    seeds = target.seeds()
    for number in range(CHANGES_PER_TARGET):
        data = bytearray(seeds[number % len(seeds)])
        for _ in range(chance.randint(1, 3)):
            at, length = chance.randrange(len(data) + 1), chance.randrange(1, 40)
            piece = chance.choice(
                [
                    *(b"", bytes(data[at : at + length]) * 2, chance.randbytes(1), chance.choice(target.words)),
                    chance.choice(seeds)[at : at + length],
                ]
            )
            data[at : at + chance.choice([0, 1, length])] = piece
        yield bytes(data)


@pytest.mark.parametrize("name", TARGETS)
def test_whatever_is_read_comes_to_a_value_or_to_the_error_that_belongs_to_it(name: str) -> None:
    for data in (b"", b"\0", *TARGETS[name].seeds(), *_changed(TARGETS[name])):
        TARGETS[name].attempt(data)


@pytest.mark.parametrize("name", TARGETS)
def test_a_seed_is_read_to_its_end_or_the_fuzzer_would_begin_at_the_gate(name: str) -> None:
    read = 0
    for data in TARGETS[name].seeds():
        try:
            TARGETS[name].read(data)
        except QsJwtError:
            continue
        read += 1
    assert read >= len(PLATFORMS.names())


@pytest.mark.parametrize("error", [ValueError("x"), PluginError("the key provider x fails"), InputError("x")])
def test_an_error_of_another_class_is_a_finding(error: Exception) -> None:
    def read(data: bytes) -> None:
        raise error

    with pytest.raises(type(error)):
        Target(read, (KeyUnavailable,), list, ()).attempt(b"")


@pytest.mark.parametrize(
    "message", ["", "it ends.", "a\rb", "a\x1b[2Jb", "x" * 2000, "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJ4In0.c2ln"]
)
def test_an_error_that_may_not_be_shown_is_a_finding(message: str) -> None:
    with pytest.raises(AssertionError):
        require_sentence(KeyUnavailable(message))
