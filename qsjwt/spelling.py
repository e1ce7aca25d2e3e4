"""Suggest the name that somebody probably meant."""

from collections.abc import Iterable


def nearest(name: str, candidates: Iterable[str]) -> str:
    """Return a hint with the one of *candidates* that *name* begins or resembles; empty if there is none."""
    import difflib  # 5 ms that only an error pays

    if not name:
        return ""
    known = {candidate.lower(): candidate for candidate in sorted(candidates)}
    wanted = name.lower()
    close = [candidate for candidate in known if candidate.startswith(wanted)] or difflib.get_close_matches(
        wanted, known
    )
    return f"did you mean {known[close[0]]}?" if close else ""
