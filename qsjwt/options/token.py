"""The options that say which token to look at: as text, in a file, or on standard input, and as of when."""

import logging
import os
import re
import sys
from typing import Final

from qsjwt.errors import InputError
from qsjwt.io.read import read_text, source_of, user_path
from qsjwt.io.strict_json import parse_json
from qsjwt.options.group import OptionGroup
from qsjwt.options.parser import PROGRAM, Parser
from qsjwt.options.text import Remark
from qsjwt.times import parse_time
from qsjwt.tokens.request import Options

_LOG = logging.getLogger("qsjwt.options")

_MEMBERS: Final = ("token", "access_token", "Authorization", "authorization")
"""Of an object with a token in it: the output of ``--format json`` or ``--batch``, an answer of OAuth, headers."""

_DOTS: Final = 2
_TOKEN: Final = re.compile(r"[^./\\][^/\\]*\.[^/\\]*\.[^/\\]*")
"""A compact serialization (RFC 7515, section 7.1), and what may be around it; no path such as ./token.txt."""

_MARKS: Final = "\"'`“”‘’<>;,\u200b\ufeff"
_AROUND: Final = rf"(?:[\s{_MARKS}]|-H\b|authorization\s{{0,9}}[\"']?\s{{0,9}}[:=]|bearer\b)*"
_WITHIN: Final = r"=(?=\r?\n)|^[ \t]*>[> \t]*|\\[rnt]?|[\s\u200b\u2060\ufeff\xad]+"
"""What mails, terminals and CI systems put into long lines; none of it is part of any token (RFC 7515, section 2)."""


def add_token_options(parser: Parser) -> None:
    """Add where the token is, and as of when it is judged."""
    token = add_token_sources(parser, "Without one, it is read from standard input.")
    token.add(
        "--at",
        type=parse_time,
        metavar="TIME",
        advanced=True,
        help="judge the token as of this time: ISO 8601, or seconds since 1970; default now",
    )


def add_token_sources(parser: Parser, note: str) -> OptionGroup:
    """Add where the token is; return the group.

    :param note: stands below the group's title.
    """
    token = parser.group("token", note)
    token.add(
        "source", nargs="?", metavar="TOKEN|FILE", help="the token, or a file that holds it; - for stdin", verbatim=True
    )
    token.add("--jwt", metavar="TOKEN", advanced=True, help='the token; a leading "Bearer " is dropped', verbatim=True)
    token.add("--jwt-file", metavar="FILE", advanced=True, help="file that holds the token, - for stdin", verbatim=True)
    return token


def token_text(options: Options, command: str) -> str:
    """Return the text that is to be a token.

    :param command: the command's name, for messages about standard input.
    :return: it alone, without what is around it and what it was wrapped with.
    :raises InputError: if there is none, or more than one.
    """
    given = [value for value in (options.jwt, options.jwt_file, options.source) if value is not None]
    if len(given) > 1:
        raise InputError(
            "the token is given more than once", hint="give it as TOKEN or FILE, --jwt or --jwt-file, once"
        )
    if options.jwt is not None:
        text, source = options.jwt, "--jwt"
    elif options.source is not None and _is_token(options.source):
        text, source = options.source, "TOKEN"
    else:
        if not given and sys.stdin is not None and sys.stdin.isatty():
            raise InputError("no token is given", hint=f"write {PROGRAM} {command} FILE, or pipe the token in")
        path = given[0] if given else "-"
        reader = command if options.jwt_file is None else "--jwt-file"
        text, source = read_text(path, "token file", reader), source_of(path, "token file")
    return compact_of(text, source, lambda remark: _LOG.warning("%s", remark))


def _is_token(text: str) -> bool:
    """Tell whether *text* is a token and no file: it has two dots, and there is no file of that name."""
    return _TOKEN.fullmatch(text.strip()) is not None and not os.path.exists(user_path(text))


def compact_of(text: str, source: str, remark: Remark) -> str:
    """Return the token in *text*: what may be a compact serialization (RFC 7515, section 7.1), and nothing around it.

    :param source: what messages call the place of *text*.
    :param remark: is told if something is left out within the token.
    :raises InputError: if there is none in it, or more than one.
    """
    if text.lstrip().startswith("{"):
        text = _member(text, source)
    token = re.sub(rf"\A{_AROUND}", "", text, flags=re.IGNORECASE).rstrip(f"{_MARKS} \t\r\n")
    if not token:
        raise InputError("the token is empty")
    if sum(word.count(".") == _DOTS for word in token.split()) > 1:
        raise InputError(f"{source} has more than one token", hint="give one of them")
    whole = re.sub(_WITHIN, "", token, flags=re.MULTILINE)
    if whole != token:
        remark("line breaks and spaces within the token are left out; Qlik would refuse it with them")
    return whole


def _member(text: str, source: str) -> str:
    """Return the token that a JSON object has as a member."""
    try:
        record = parse_json(text)
    except ValueError as cause:
        objects = sum(line.startswith("{") and line.endswith("}") for line in text.split("\n"))
        if objects > 1:
            raise InputError(f"{source} has {objects} JSON objects", hint="give one of them") from cause
        raise InputError(f"{source} cannot be read: {cause}") from cause
    for name in _MEMBERS:
        if isinstance(token := record.get(name), str):
            return token
    raise InputError(f"{source} is a JSON object without a token", hint="its member 'token' is expected to be one")
