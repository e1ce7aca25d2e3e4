"""The options for claims of the user's own: ``--claim``, ``--claim-json`` and ``--claims-file``."""

import logging
import re
from collections.abc import Iterator
from typing import Any, Final

from qsjwt.errors import InputError
from qsjwt.io import read
from qsjwt.io.strict_json import parse_json
from qsjwt.options.group import OptionGroup
from qsjwt.options.text import as_meant, require_content
from qsjwt.redaction import quoted
from qsjwt.tokens.request import Options

_NAME: Final = r"[\w.-]{1,40}"
_WORD: Final = r"[^\W\d]"
_BOOLEANS: Final = {"True": True, "TRUE": True, "False": False, "FALSE": False}
"""As PowerShell and Python write them, and spreadsheets; no JSON text is one of these."""

_LOG = logging.getLogger("qsjwt.options")


def add_claim_options(group: OptionGroup) -> None:
    """Add the three options."""
    group.add(
        "--claim",
        action="append",
        default=(),
        metavar="NAME=VALUE",
        help="one more claim, a string; repeatable",
        verbatim=True,  # its two halves are text
    )
    group.add(
        "--claim-json",
        action="append",
        default=(),
        metavar="NAME=JSON",
        advanced=True,
        help="one more claim, typed; repeatable",
        verbatim=True,
    )
    group.add(
        "--claims-file",
        metavar="FILE",
        advanced=True,
        help="more claims: a JSON object in FILE, - for standard input",
        verbatim=True,
    )


def further_claims(options: Options) -> dict[str, Any]:
    """Return the claims of the user's own that *options* give.

    :raises InputError: if one is malformed, or given twice.
    """
    claims: dict[str, Any] = {}
    for name, value in _given(options):
        if name in claims:
            raise InputError(f"the claim {quoted(name)} is given twice", hint="give it once")
        claims[name] = value
    return claims


def _given(options: Options) -> Iterator[tuple[str, Any]]:
    if options.claims_file is not None:
        text = read.read_text(options.claims_file, "claims file", "--claims-file")
        source = read.source_of(options.claims_file, "claims file")
        claims = _json(text, source)
        require_content(claims, source)
        if not isinstance(claims, dict):
            raise InputError(f"{source} is not a JSON object")
        yield from claims.items()
    for pair in options.claim:
        name, text = _named(pair, "--claim")
        yield name, as_meant(text, f"--claim {quoted(name)}", _warn)
    for pair in options.claim_json:
        name, text = _named(pair, "--claim-json")
        yield name, _json(text, f"--claim-json {quoted(name)}", hint=_hint(name, text))


def json_claim(value: Any, source: str) -> Any:
    """Return the value of a claim that is given as JSON, or that is no text any more.

    :param source: where it was given, for the message.
    :raises InputError: if it is not JSON.
    """
    return _json(value, source) if isinstance(value, str) else value


def _named(pair: str, option: str) -> tuple[str, str]:
    name, equals, value = pair.partition("=")
    if not equals or not name:
        raise InputError(f"{option}: expected NAME=VALUE, got {quoted(pair)}")
    return as_meant(name, f"the name of {option}", _warn), value


def _warn(remark: str) -> None:
    _LOG.warning("%s", remark)


def _hint(name: str, text: str) -> str:
    """Return a hint for the JSON *text* of the claim *name*, if it has no quotes where there may have been some."""
    if '"' in text or not re.search(_WORD, text):
        return ""
    way = (
        f"--claims-file FILE, or --claim {name}=VALUE for text"
        if re.fullmatch(_NAME, name, re.ASCII)
        else "--claims-file FILE"
    )
    return f"double quotes are missing, and Windows PowerShell takes them out of an argument; use {way}"


def _json(text: str, source: str, hint: str = "") -> Any:
    boolean = _BOOLEANS.get(text.strip())
    if boolean is not None:
        return boolean
    try:
        return parse_json(text)
    except ValueError as cause:
        raise InputError(f"{source} cannot be read: {cause}", hint=hint) from cause
