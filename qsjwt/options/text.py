"""Text that people give as the value of an option or a column: its ends, its dashes, and what nobody can have meant."""

import re
from collections.abc import Callable, Mapping
from typing import Final, TypeAlias

from qsjwt.errors import InputError
from qsjwt.redaction import quoted

Remark: TypeAlias = Callable[[str], object]
"""Is told, in a sentence, what the user may not have meant."""

_LINE_ENDS: Final = "\r\n\v\f\x85\u2028\u2029"
_SPACES: Final = "\t \xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u202f\u205f\u3000"
_ZERO_WIDTH: Final = "\u200b\u2060\ufeff"
_ENDS: Final = _LINE_ENDS + _SPACES + _ZERO_WIDTH
_CONTROL: Final = r"[\0-\x1f\x7f-\x9f\u2028\u2029]"

_DASHES: Final = frozenset("\xad\u2010\u2011\u2012\u2013\u2014\u2015\u2212\ufe58\ufe63\uff0d")
"""What word processors, chats and web pages make of - and --."""

_NOTHING: Final = frozenset(
    (
        *("null", "(null)", "<null>", "undefined", "NaN", "nan", "None", "nil", "<nil>"),
        *("#N/A", "#NULL!", "#REF!", "#NAME?", "#VALUE!", "#DIV/0!"),
    )
)
"""What programs and spreadsheets print where there is no value."""

# Printed by PowerShell and .NET, by JavaScript, by PowerShell for a hash table, by Python.
_OBJECT: Final = (
    r"(?:System|Microsoft)(?:\.[A-Z]\w*)+(?:`\d+)?(?:\[.*\])?|\[object [A-Z]\w*\]|@\{.*\}|<.* object at 0x[0-9A-Fa-f]+>"
)
# Of PowerShell's Export-Csv, which writes a type where a cell would be several values, and of ConvertTo-Json too deep.
_COLLECTION: Final = r"(?:System|Microsoft)\.(?:\w+\.)*\w+(?:\[,*\]|Collection)|System\.Collections\.\S.*"
# Of GitHub Actions and templates, of shells and Azure Pipelines, of PowerShell, of cmd.exe but not a percent-encoding,
# and a command of a shell.
_VARIABLE: Final = (
    r"\{\{[^{}]*\}\}|\$\([^()]*\)|\$\{[^{}]*\}|^\$[A-Za-z_]\w*$|\$env:\w+"
    r"|%(?![0-9A-Fa-f]{2})[A-Za-z_]\w*%|^%[A-Za-z_]\w*%$|^![A-Za-z_]\w*!$|^`[^`]+`$"
)
_PLACEHOLDER: Final = r"<[A-Za-z][\w .-]*>|\{[A-Za-z_]\w*\}"
_MARKS: Final = frozenset("$%{<[!`")
"""One of them is in whatever the patterns above match, but for a name of .NET; few values have one, or pay for that."""

_is_ordinary: Final = re.compile(r"(?!System\.|Microsoft\.)\w(?:[\w .@+-]*\w)?").fullmatch
"""Tells, at once, of most values that there is nothing to say of them but that they may stand for nothing."""

_QUOTES: Final = frozenset(('""', "''", "“”", "‘’", "„“", "«»"))


def as_meant(text: str, title: str, remark: Remark) -> str:
    """Return *text* without the spaces and line ends at its ends.

    :param title: what messages call its option or column.
    :param remark: is told what is left out, and of a value that nobody can have meant.
    :raises InputError: if it begins with a typographic dash, contains a control character, or is the type of a list.
    """
    if _is_ordinary(text) and text not in _NOTHING:
        return text
    meant = text.strip(_ENDS)
    require_plain_dashes(meant, title)
    if meant != text:
        remark(f"{_kind_of_ends(text)} around the value of {title} are left out")
    if not meant.isprintable() and re.search(_CONTROL, meant):
        raise InputError(
            f"invalid value for {title}: {quoted(meant)} (must not contain control characters)",
            hint="line breaks and tabs are control characters, too",
        )
    require_content(meant, title)
    if reason := _doubt(meant):
        remark(f"the value of {title} is {quoted(meant)}, which {reason}")
    return meant


def require_content(value: object, title: str) -> None:
    """Return if no text in *value*, which is text or what JSON has, is what PowerShell writes in place of a collection.

    :param title: what messages call the option, column or file.
    :raises InputError: if one is.
    """
    if isinstance(value, str):
        if value.startswith(("System.", "Microsoft.")) and re.fullmatch(_COLLECTION, value, re.ASCII):
            raise InputError(
                f"invalid value for {title}: {quoted(value)} is the type of a collection, not its content",
                hint="in PowerShell, join a list before Export-Csv: -join ';'; or give ConvertTo-Json a larger -Depth",
            )
    elif isinstance(value, Mapping | list | tuple):
        for each in value.values() if isinstance(value, Mapping) else value:
            require_content(each, title)


def require_plain_dashes(word: str, title: str = "") -> None:
    """Return if *word* does not begin with a typographic dash, as options do that were copied from a document.

    :param title: what messages call the option or column whose value it is; empty for a word by itself.
    :raises InputError: if it does.
    """
    rest = word.lstrip("-")
    if rest[:1] not in _DASHES:
        return
    name, *_value = re.split(r"[=\s]", rest.lstrip("".join(_DASHES) + "-"), maxsplit=1)
    plain = f"{'--' if len(name) > 1 and name[0].isalpha() else '-'}{name}"
    place = f"invalid value for {title}: " if title else ""
    raise InputError(
        f"{place}{quoted(word)} begins with a typographic dash",
        hint=f"type {plain} with plain dashes" if re.fullmatch(r"-+[A-Za-z0-9-]{1,40}", plain) else "type a plain dash",
    )


def _kind_of_ends(text: str) -> str:
    ends = {*text[: len(text) - len(text.lstrip(_ENDS))], *text[len(text.rstrip(_ENDS)) :]}
    if ends.isdisjoint(_LINE_ENDS):
        return "spaces"
    return "line ends" if ends.issubset(_LINE_ENDS) else "spaces and line ends"


def _doubt(text: str) -> str:
    """Return why nobody can have meant *text*, as the end of a sentence; empty if somebody can."""
    if text in _NOTHING:
        return "is what programs print where there is no value"
    if not _MARKS.isdisjoint(text) or text.startswith(("System.", "Microsoft.")):
        if re.search(_VARIABLE, text, re.ASCII):
            return "contains a variable that was not expanded"
        if re.fullmatch(_PLACEHOLDER, text, re.ASCII):
            return "is a placeholder"
        if re.fullmatch(_OBJECT, text, re.ASCII):
            return "is what programs print of an object instead of its content"
    if len(text) > 1 and text[0] + text[-1] in _QUOTES:
        return "is in quotes, and they are part of it"
    return "ends with a separator as part of it" if text.endswith((",", ";")) else ""
