"""Write the parts of the reference that the program itself knows, in place of comments such as

``<!-- qsjwt: command create-qseow -->``
"""

import functools
import re
from collections.abc import Callable, Iterator
from typing import Any, Final

import answers
from markdown_text import as_markdown, source_as_markdown, table
from sphinx.application import Sphinx

from qsjwt import errors
from qsjwt.cli.app import Application
from qsjwt.cli.index import CommandIndex
from qsjwt.keys.reference import KEY_PROVIDERS, reference_forms
from qsjwt.options.option import Option
from qsjwt.options.parser import PROGRAM, Parser
from qsjwt.tokens.create import load_platform

_PLATFORMS: Final = ("qseow", "qscloud", "qscloud-oauth", "nprinting")
"""Ours, in the order of the site."""

_COMMENT: Final = re.compile(r"^<!-- qsjwt: (\S+) ?(.*?) -->$", re.MULTILINE)


def command(words: str, level: int = 2) -> str:
    """Return what a command does, its synopsis, its options and its example.

    :param words: what names it, such as ``check qseow``.
    :param level: that of its headings.
    """
    return _command(words, _parsers()[words], level)


def command_for_each_platform(name: str) -> str:
    """Return what the command *name* has for every platform, and a section for each with what it has for that alone."""
    ours = {words.partition(" ")[2]: parser for words, parser in _parsers().items() if words.startswith(f"{name} ")}
    told = {platform: _paragraphs(platform, parser) for platform, parser in ours.items()}
    told_by_all = set.intersection(*map(set, told.values()))
    shared = set.intersection(*({*_option_texts(parser)} for parser in ours.values()))
    first, *_ = ours
    parts = [
        as_markdown(CommandIndex().summaries()[name] or ""),
        *(text for text in told[first] if text in told_by_all),
        "## Options for every platform",
        _options(f"{PROGRAM} {name}", ours[first], 3, lambda text: text in shared),
    ]
    for platform in sorted(ours, key=_place):
        parser, words = ours[platform], f"{name} {platform}"
        parts += [
            f"## {PROGRAM} {words}",
            *(text for text in told[platform] if text not in told_by_all),
            _synopsis(parser, 3),
            "### Options of its own",
            _options(f"{PROGRAM} {words}", parser, 4, lambda text: text not in shared),
            _example(parser, 3),
        ]
    return "\n\n".join(filter(None, parts)) + "\n"


def program() -> str:
    """Return what stands before the command."""
    return _options(PROGRAM, Application().parser, 3)


def commands() -> str:
    """Return a table of the commands, with links to their pages."""
    rows = (
        (f"[{name}]({name}.md)", as_markdown(summary or "")) for name, summary in CommandIndex().summaries().items()
    )
    return table(("command", ""), rows)


def exit_codes() -> str:
    """Return a table of the exit codes, and of the exceptions that a program of Python gets instead."""
    rows = [("0", "It is done.", "")]
    kinds: list[type[errors.QsJwtError]] = [errors.QsJwtError, *errors.QsJwtError.__subclasses__()]
    for error in kinds:
        rows.append((str(error.exit_code), as_markdown(_first_line(error)), f"`{error.__name__}`"))
    rows.append((str(errors.INTERRUPTED), "Ctrl-C; for any signal, 128 and its number.", ""))
    rows.append((str(errors.BROKEN_PIPE), "What reads stdout has gone.", ""))
    return table(("code", "meaning", "in Python"), rows)


def key_providers() -> str:
    """Return a table of the key providers, with links to their pages."""
    rows = []
    for found in reference_forms():
        extra = _extra(found.scheme)
        rows.append(
            (f"[`{found.form}`](../keys/{found.scheme}.md)", as_markdown(found.text), f"`{extra}`" if extra else "")
        )
    return table(("reference", "the key is", "extra"), rows)


def rules(name: str) -> str:
    """Return a table of the rules of the platform *name*."""
    rows = []
    for rule in load_platform(name).rules:
        responses = [response for response in (rule.response, rule.missing) if response]
        rows.append(
            (
                f"`{rule.name}`",
                as_markdown(f"{rule.requirement} ({rule.option})" if rule.option else rule.requirement),
                as_markdown("; without it ".join(responses)),
                source_as_markdown(rule.source),
            )
        )
    return table(("rule", "a token keeps it if", "otherwise Qlik responds", "source"), rows)


GENERATORS: Final[dict[str, Callable[..., str]]] = {
    "command": command,
    "command-for-each-platform": command_for_each_platform,
    "program": program,
    "commands": commands,
    "exit-codes": exit_codes,
    "key-providers": key_providers,
    "rules": rules,
    "answers-by-status": answers.by_status,
    "answers-by-code": answers.by_code,
    "answers-by-text": answers.by_text,
    "answers-when-registering": answers.when_registering,
}
"""The first word of a comment to what takes its place; the rest of the comment is the argument."""


def filled(text: str) -> str:
    """Return *text* with what the program knows in place of the comments."""
    return _COMMENT.sub(lambda match: GENERATORS[match[1]](*filter(None, [match[2]])), text)


@functools.cache
def _parsers() -> dict[str, Parser]:
    return dict(CommandIndex().each_parser(lambda words, parser: (words, parser)))


def _command(words: str, parser: Parser, level: int) -> str:
    options = f"{'#' * level} Options\n\n{_options(f'{PROGRAM} {words}', parser, level + 1)}"
    parts = [as_markdown(parser.description or ""), _synopsis(parser, level), options, _example(parser, level)]
    return "\n\n".join(filter(None, parts)) + "\n"


def _synopsis(parser: Parser, level: int) -> str:
    return f"{'#' * level} Synopsis\n\n```text\n{parser.format_usage().removeprefix('usage: ')}```"


def _example(parser: Parser, level: int) -> str:
    return f"{'#' * level} Example\n\n```shell\n{parser.example}\n```" if parser.example else ""


def _paragraphs(platform: str, parser: Parser) -> list[str]:
    """Return what a command says of itself, with ``NAME`` for the name of the platform."""
    text = re.sub(rf"(?<![\w-]){platform}(?![\w-])|(?<=create-){platform}(?![\w-])", "NAME", parser.description or "")
    return [as_markdown(paragraph) for paragraph in text.split("\n\n")]


def _place(platform: str) -> tuple[int, str]:
    """Return the place of a platform: ours as everywhere on the site, then all others by name."""
    return (_PLATFORMS.index(platform) if platform in _PLATFORMS else len(_PLATFORMS)), platform


def _option_texts(parser: Parser) -> Iterator[str]:
    return (_option(option) for group in parser.groups for option in group.options if not option.is_hidden)


def _option(option: Option) -> str:
    return f"````{{option}} {option.invocation}\n{as_markdown(option.help)}\n````"


def _options(program: str, parser: Parser, level: int, is_wanted: Callable[[str], bool] = bool) -> str:
    parts = [f"```{{program}} {program}\n```"]
    for group in parser.groups:
        shown = (option for option in group.options if not option.is_hidden and is_wanted(_option(option)))
        options = sorted(shown, key=lambda option: bool(option.names))  # what has its place in the line comes first
        if not options:
            continue
        if group is not parser.groups[0]:
            parts.append(f"{'#' * level} {group.title.capitalize()}")
        if group.description:
            parts.append(as_markdown(group.description))
        parts.extend(map(_option, options))
    return "\n\n".join(parts)


def _extra(name: str) -> str:
    """Return the extra of qsjwt that brings the library of a key provider."""
    from importlib.metadata import entry_points

    (found,) = entry_points(group=KEY_PROVIDERS.group, name=name)
    return ", ".join(found.extras)


def _first_line(documented: Any) -> str:
    return (documented.__doc__ or "").strip().partition("\n")[0]


def setup(app: Sphinx) -> dict[str, Any]:
    """Let the pages be filled when they are read."""

    def fill(_app: Sphinx, _page: str, source: list[str]) -> None:
        source[0] = filled(source[0])

    app.connect("source-read", fill)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
