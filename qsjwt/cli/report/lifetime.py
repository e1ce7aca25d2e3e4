"""The life of a token as a picture: a bar from when it is valid to when it expires, and on it the present."""

from typing import Final
from xml.etree.ElementTree import Element

from qsjwt.cli.report.markup import element

_WIDTH: Final = 1000
_HEIGHT: Final = 24
_LEAST: Final = 8
"""Units of a piece: a token of five minutes that has expired for a year is still to be seen."""


def bar(start: float, end: float, now: float, label: str) -> Element:
    """Return the bar as a picture (SVG) as wide as its place.

    :param label: what it shows, for those who do not see it.
    """
    first, last = min(start, now), max(end, now)

    def at(time: float) -> float:
        return round((time - first) / (last - first) * _WIDTH, 1)

    left, right = at(start), at(end)
    if right - left < _LEAST:
        left = min(left, _WIDTH - _LEAST)
        right = left + _LEAST
    spent = min(max(at(now), left), right)
    mark = min(max(at(now) - _LEAST / 2, 0), _WIDTH - _LEAST)
    return element(
        "svg",
        element("rect", class_="line", x=0, y=_HEIGHT / 2, width=_WIDTH, height=1),
        _piece("track", left, right),
        _piece("spent", left, spent),
        element("rect", class_="now", x=mark, y=0, width=_LEAST, height=_HEIGHT),
        class_="bar",
        viewBox=f"0 0 {_WIDTH} {_HEIGHT}",
        preserveAspectRatio="none",
        role="img",
        aria_label=label,
    )


def _piece(name: str, left: float, right: float) -> Element:
    return element("rect", class_=name, x=left, y=_HEIGHT / 4, width=round(right - left, 1), height=_HEIGHT / 2)
