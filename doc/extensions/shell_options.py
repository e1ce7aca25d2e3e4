"""Mark options and lines in blocks of shell commands, so that the site can keep each option whole, and wrap lines."""

import itertools
import re
from collections.abc import Iterator
from typing import Any, Final

from pygments.lexer import Lexer
from pygments.lexers.shell import BashLexer, PowerShellLexer
from pygments.token import Comment, Name, String, _TokenType
from sphinx.application import Sphinx

_OPTION: Final = re.compile(r"(?<=\s)--?[A-Za-z][\w-]*")
_BLOCK: Final = re.compile(
    r'(<div class="highlight-(?:bash|powershell) notranslate"><div class="highlight"><pre><span></span>)'
    r"(.*?)(?=</pre>)",
    re.DOTALL,
)
_LINE: Final = re.compile(r"[^\n]*\n")


class _Options(Lexer):
    """Goes before a lexer among the bases of a class; the lexer sees each command as it is."""

    def get_tokens_unprocessed(self, text: str, *more: Any) -> Iterator[tuple[int, _TokenType, str]]:
        kinds: list[_TokenType] = []
        for _, kind, part in super().get_tokens_unprocessed(text, *more):
            kinds += [kind] * len(part)
        for option in _OPTION.finditer(text):
            if not {String, Comment} & {*kinds[option.start()].split()}:
                kinds[option.start() : option.end()] = [Name.Attribute] * len(option[0])
        for kind, positions in itertools.groupby(range(len(kinds)), key=kinds.__getitem__):
            start, *rest = positions
            yield start, kind, text[start : start + len(rest) + 1]


class BashWithOptions(_Options, BashLexer):
    """bash, and commands that are the same in other shells."""


class PowerShellWithOptions(_Options, PowerShellLexer):
    """PowerShell."""


def _mark_lines(_app: Sphinx, _page: str, _template: str, context: dict[str, Any], _doctree: object) -> None:
    """Put each line of a block into an element of its own, with its end, so that a copy is what it was."""
    if "body" in context:
        context["body"] = _BLOCK.sub(
            lambda block: block[1] + _LINE.sub(r'<span class="line">\g<0></span>', block[2]), context["body"]
        )


def setup(app: Sphinx) -> dict[str, Any]:
    """Let blocks be read so."""
    app.add_lexer("bash", BashWithOptions)
    app.add_lexer("powershell", PowerShellWithOptions)
    app.connect("html-page-context", _mark_lines)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
