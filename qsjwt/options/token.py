"""The options that say which token to look at: as text, in a file, or on standard input, and as of when."""

import sys

from qsjwt.errors import InputError
from qsjwt.io.read import read_text
from qsjwt.options.parser import Parser
from qsjwt.times import parse_time
from qsjwt.tokens.request import Options


def add_token_options(parser: Parser) -> None:
    """Add where the token is."""
    token = parser.group("token", "Without these it is read from standard input.")
    token.add("source", nargs="?", metavar="-", help="read standard input", verbatim=True)
    token.add("--jwt", metavar="TOKEN", help='the token itself; a leading "Bearer " is dropped', verbatim=True)
    token.add("--jwt-file", metavar="FILE", help="file that holds the token, - for standard input", verbatim=True)
    token.add(
        "--at",
        type=parse_time,
        metavar="TIME",
        help="judge the token as of this time: ISO 8601, or seconds since 1970; default now",
    )


def token_text(options: Options, command: str) -> str:
    """Return the text that is to be a token.

    :param command: the command's name, for messages about standard input.
    :raises InputError: if there is none, or more than one.
    """
    if options.source not in (None, "-"):
        raise InputError("unexpected argument", hint="give the token with --jwt or --jwt-file")
    given = [value for value in (options.jwt, options.jwt_file, options.source) if value is not None]
    if len(given) > 1:
        raise InputError("the token is given more than once", hint="use one of --jwt, --jwt-file and standard input")
    if options.jwt is not None:
        text: str = options.jwt
    else:
        if not given and sys.stdin is not None and sys.stdin.isatty():
            raise InputError("no token is given", hint="use --jwt-file FILE, or pipe the token in")
        path, reader = ("-", command) if options.jwt_file is None else (options.jwt_file, "--jwt-file")
        text = read_text(path, "token file", reader)
    if not text.strip():
        raise InputError("the token is empty")
    return text
