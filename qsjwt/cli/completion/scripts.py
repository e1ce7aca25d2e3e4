"""The scripts of ``completion SHELL``: what can be completed, filled into the file that lies here for each shell.

Every text of a plugin is quoted for the shell, since the shell evaluates the script. The walk over the words is the
same in bash, zsh and PowerShell: names until the command is complete, then options.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from importlib import resources
from typing import Final

from qsjwt import __version__
from qsjwt.cli.completion.model import Kind, Model, Option, Place, Value

# A word, or where a word would be wrong in the shell's own language, a comment on a line of its own.
_PLACEHOLDER: Final = re.compile(r"(?:^ *# )?__([A-Z]+)__", re.MULTILINE)


def _filled(file: str, *, schemes: str, paths: str, places: Iterable[str]) -> str:
    """Return the script in *file*.

    :param schemes: the key providers, as words of the shell.
    :param paths: those behind whose colon a file's name stands.
    :param places: the lines that tell of the places.
    """
    values = {"VERSION": __version__, "SCHEMES": schemes, "PATHS": paths, "PLACES": "\n".join(places)}
    script = resources.files(__package__).joinpath(file).read_text("utf-8")
    # All at once, or a plugin's text could hold a placeholder.
    return _PLACEHOLDER.sub(lambda found: values[found[1]], script)


def _takers(place: Place) -> Mapping[Value, list[str]]:
    """Return what the options of *place* take, to those that take it; the argument's option is empty."""
    found: dict[Value, list[str]] = {}
    for option in (*place.options, Option(("",), "", place.argument)):
        if option.value.kind is not Kind.NOTHING:
            found.setdefault(option.value, []).extend(option.names)
    return found


def _entries(place: Place) -> Iterator[tuple[str, str]]:
    return ((name, option.help) for option in place.options for name in option.names)


def _schemes(model: Model) -> Iterator[tuple[str, str]]:
    return ((f"{scheme.name}:", scheme.help) for scheme in model.schemes)


def _paths(model: Model) -> Iterator[str]:
    return (f"{scheme.name}:" for scheme in model.schemes if scheme.takes_file)


def bash(model: Model) -> str:
    """Return the script for bash."""

    def typed(choice: str) -> str:
        # A reply stands on the command line as it is.
        return re.sub(r"([^\w@%+=:,./-])", r"\\\1", choice)

    return _posix("completion.bash", model, lambda name, _help: _posix_word(name), typed)


def zsh(model: Model) -> str:
    """Return the script for zsh, for ``eval`` after compinit or as the file ``_qsjwt`` of a folder in fpath."""

    def entry(name: str, text: str) -> str:
        escaped = [part.replace("\\", "\\\\").replace(":", "\\:") for part in (name, text)]
        return _posix_word(":".join(filter(None, escaped)))

    return _posix("completion.zsh", model, entry, str)


def _posix(file: str, model: Model, entry: Callable[[str, str], str], offer: Callable[[str], str]) -> str:
    """Return the script in *file*, for bash or zsh.

    :param entry: makes a name and its help one quoted word.
    :param offer: makes a choice what the shell offers; it is quoted after that.
    """

    def words(entries: Iterable[tuple[str, str]]) -> str:
        return " ".join(entry(name, text) for name, text in entries)

    def lines() -> Iterator[str]:
        for place in model.places.values():
            yield f"  {_posix_word(place.words)})"
            yield f"    options=({words(_entries(place))})"
            if place.names:
                yield f"    names=({words(place.names.items())})"
            if takers := _takers(place):
                yield "    case $2 in"
                for value, names in takers.items():
                    yield f"    {'|'.join(map(_posix_word, names))})"
                    yield f"      kind={value.kind.value} count={_posix_word(value.nargs)}"
                    if value.choices:
                        yield f"      values=({' '.join(_posix_word(offer(c)) for c in value.choices)})"
                    yield "      ;;"
                yield "    esac"
            yield "    ;;"

    paths = " ".join(map(_posix_word, _paths(model)))
    return _filled(file, schemes=words(_schemes(model)), paths=paths, places=lines())


def _posix_word(text: str) -> str:
    return "'" + text.replace("'", "'\\''") + "'"


_FISH_OFFERS: Final = {
    Kind.FILE: " -F",
    Kind.FOLDER: " -a '(__fish_complete_directories)'",
    Kind.KEY: " -a '(__qsjwt_keys)'",
}


def fish(model: Model) -> str:
    """Return the script for fish, for ``source`` or as a file in its folder ``completions``."""

    def lines() -> Iterator[str]:
        for place in model.places.values():
            condition = f"__qsjwt_after {place.words}".strip() if place.names else f"__qsjwt_in {place.words}"
            base = f"complete -c qsjwt -n {_fish_word(condition)}"
            for name, text in place.names.items():
                yield f"{base} -a {_fish_word(name)} -d {_fish_word(text)}"
            if offer := _fish_offer(place.argument):
                yield f"{base}{offer}"
            for option in place.options:
                names = " ".join(map(_fish_option, option.names))
                yield f"{base} {names}{_fish_value(option.value)} -d {_fish_word(option.help)}"

    schemes = " ".join(_fish_word(f"{name}\t{text}") for name, text in _schemes(model))
    paths = " ".join(map(_fish_word, _paths(model)))
    return _filled("completion.fish", schemes=schemes, paths=paths, places=lines())


def _fish_option(name: str) -> str:
    bare = name.lstrip("-")
    kind = "-l" if name.startswith("--") else "-s" if len(bare) == 1 else "-o"
    return f"{kind} {_fish_word(bare)}"


def _fish_value(value: Value) -> str:
    if value.kind is Kind.NOTHING:
        return ""
    files = "" if value.kind is Kind.FILE else " -f"
    required = "" if value.nargs in ("?", "*") else " -r"
    return f"{required}{files}{_fish_offer(value)}"


def _fish_offer(value: Value) -> str:
    if value.kind is Kind.CHOICE:
        # What follows -a is expanded once more when it is offered.
        return f" -a {_fish_word(' '.join(map(_fish_word, value.choices)))}"
    return _FISH_OFFERS.get(value.kind, "")


def _fish_word(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def powershell(model: Model) -> str:
    """Return the script for PowerShell."""

    def words(texts: Iterable[str]) -> str:
        return ", ".join(map(_powershell_word, texts))

    def named(entries: Iterable[tuple[str, str]]) -> str:
        return words(f"{name} {text}".rstrip() for name, text in entries)

    def lines() -> Iterator[str]:
        for place in model.places.values():
            yield f"        {_powershell_word(place.words)} {{"
            yield f"            $data.Options = @({named(_entries(place))})"
            if place.names:
                yield f"            $data.Names = @({named(place.names.items())})"
            if takers := _takers(place):
                yield "            switch -CaseSensitive -Exact ($option) {"
                for value, names in takers.items():
                    line = f"$data.Kind = '{value.kind.value}'; $data.Amount = '{value.nargs}'"
                    if value.choices:
                        line += f"; $data.Choices = @({words(value.choices)})"
                    yield from (f"                {_powershell_word(name)} {{ {line} }}" for name in names)
                yield "            }"
            yield "        }"

    schemes, paths = named(_schemes(model)), words(_paths(model))
    return _filled("completion.ps1", schemes=schemes, paths=paths, places=lines())


def _powershell_word(text: str) -> str:
    # PowerShell takes typographic quotes for quotes.
    return "'" + re.sub("(['‘’‚‛])", r"\1\1", text) + "'"


SHELLS: Final[Mapping[str, Callable[[Model], str]]] = {"bash": bash, "zsh": zsh, "fish": fish, "powershell": powershell}
"""Shell to what makes its script."""
