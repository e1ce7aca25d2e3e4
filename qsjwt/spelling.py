"""Suggest the name that somebody probably meant."""

from collections.abc import Iterable


def nearest(name: str, candidates: Iterable[str]) -> str:
    """Return a hint with the one of *candidates* that *name* begins or resembles; empty if there is none."""
    import difflib  # 5 ms that only an error pays

    if not name:
        return ""
    known, name = sorted(candidates), name.lower()
    close = [known_name for known_name in known if known_name.startswith(name)] or difflib.get_close_matches(
        name, known
    )
    return f"did you mean {close[0]}?" if close else ""
