"""Suggest the name that somebody probably meant."""

from collections.abc import Iterable


def nearest(name: str, candidates: Iterable[str]) -> str:
    """Return a hint with the one of *candidates* that *name* resembles most; empty if none does."""
    import difflib  # 5 ms that only an error pays

    close = difflib.get_close_matches(name, list(candidates), n=1)
    return f"did you mean {close[0]}?" if close else ""
