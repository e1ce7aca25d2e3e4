"""What is told of the figures: tables for the terminal and the page, and a plot of tokens a second over cores."""

import html
import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

OURS: Final = "qsjwt --batch"
BASE: Final = "openssl speed"
PLOTTED: Final = "RSA 2048"
"""The key of the plot, which is of the batches with the most rows."""

MOST_CORES: Final = 16
"""The plot goes as far at least."""

_BEGIN: Final = "<!-- what tox run -e bench -- --write has written begins here -->\n"
_END: Final = "<!-- and ends here -->\n"

_DOC: Final = Path(__file__).parents[2] / "doc"
PAGE: Final = _DOC / "explanation" / "performance.md"
DATA: Final = _DOC / "explanation" / "performance.json"
PLOT: Final = _DOC / "_static" / "performance.svg"


def write(figures: Mapping[str, Any]) -> None:
    """Write the figures, the page's part that tells them, and the plot."""
    DATA.write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8", newline="\n")
    PLOT.write_text(plot(figures), encoding="utf-8", newline="\n")
    PAGE.write_text(page_with(figures, PAGE.read_text(encoding="utf-8")), encoding="utf-8", newline="\n")


def page_with(figures: Mapping[str, Any], page: str) -> str:
    """Return *page* with these figures in place of the earlier ones."""
    before, _, rest = page.partition(_BEGIN)
    after = rest.partition(_END)[2]
    picture = f"![{in_words(figures)}](../_static/{PLOT.name})"
    return f"{before}{_BEGIN}\n{picture}\n\n{tables(figures)}\n{_END}{after}"


def tables(figures: Mapping[str, Any]) -> str:
    """Return all figures as tables in Markdown."""
    rounds = figures["rounds"]
    parts = [
        f"**One token**, from the start of the process to its end. Medians; rounds in turn: {rounds['one_token']}.\n",
        _table(
            ("", "milliseconds", "× `python -c pass`"),
            ((f"`{name}`", f"{took:.1f}", f"{times:.2f}") for name, took, times in figures["one_token"]),
        ),
        f"**Batches**, tokens a second from CSV to JSON Lines. Medians; rounds in turn: {rounds['batches']}. "
        f"In brackets: the share of what `{BASE}` signs with as many processes.\n",
    ]
    cores = sorted({batch["cores"] for batch in figures["batches"]})
    counted = [f"{n} core{'s' * (n > 1)}" for n in cores]
    for key, rows in dict.fromkeys((batch["key"], batch["rows"]) for batch in figures["batches"]):
        rates = {b["cores"]: b["rates"] for b in figures["batches"] if (b["key"], b["rows"]) == (key, rows)}
        names = dict.fromkeys(name for found in rates.values() for name in found)
        cells = ((name, *(_rate(rates.get(n, {}).get(name), name) for n in cores)) for name in names)
        parts.append(_table((f"{key}, {rows:,} rows", *counted), cells))
    parts.append("**Memory**, the most that each process of `qsjwt --batch` had resident, in MiB.\n")
    header = ("rows", "processes", "the first", "each of the others")
    memory = ((f"{m['rows']:,}", str(m["processes"]), f"{m['first']:.0f}", _others(m)) for m in figures["memory"])
    parts.append(_table(header, memory))
    parts.append("**The machine**\n")
    parts.append("".join(f"- {name}: {value}\n" for name, value in figures["machine"].items()))
    return "\n".join(parts)


def in_words(figures: Mapping[str, Any]) -> str:
    """Return what the plot shows, for those who do not see it."""
    told, end = [], _end_of(figures)
    for name, points in _measured(figures).items():
        most, rate = max(points.items())
        told.append(f"{name} {points[1]:,.0f} with one core and {rate:,.0f} with {most}")
        told[-1] += f", {calculated(points, end):,.0f} with {end} by calculation" if name == OURS else ""
    return f"Tokens a second over cores, {PLOTTED}: {'; '.join(told)}."


def calculated(measured: Mapping[int, float], cores: int) -> float:
    """Return the rate with *cores* by Amdahl's law, from those with one core and with the most that were measured."""
    most = max(measured)
    serial = (most * measured[1] / measured[most] - 1) / (most - 1) if most > 1 else 0.0
    serial = min(1.0, max(0.0, serial))
    return measured[1] / (serial + (1 - serial) / cores)


def _measured(figures: Mapping[str, Any]) -> dict[str, dict[int, float]]:
    found: dict[str, dict[int, float]] = {}
    most = max(batch["rows"] for batch in figures["batches"])
    for batch in figures["batches"]:
        if (batch["key"], batch["rows"]) == (PLOTTED, most):
            for name, (rate, _) in batch["rates"].items():
                found.setdefault(name, {})[batch["cores"]] = rate
    return {name: points for name, points in found.items() if len(points) > 1 or name == OURS}


def _end_of(figures: Mapping[str, Any]) -> int:
    measured: list[int] = [batch["cores"] for batch in figures["batches"]]
    return max(MOST_CORES, *measured)


def _rate(found: Sequence[float] | None, name: str) -> str:
    if found is None:
        return "–"
    return f"{found[0]:,.0f}" if name == BASE else f"{found[0]:,.0f} ({found[1]:.2f})"


def _others(memory: Mapping[str, Any]) -> str:
    return f"{memory['others']:.0f}" if memory["others"] else "–"


def _table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [header, ["---", *["---:"] * (len(header) - 1)], *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


_STYLE: Final = """
.card{fill:#fff}.ink{fill:#24292f}.grid{stroke:#d0d7de}.c0{stroke:#57606a}.c1{stroke:#0969da}.c2{stroke:#bc4c00}
text{font:13px sans-serif}path,line{fill:none;stroke-width:2}.grid{stroke-width:1}.dashed{stroke-dasharray:6 5}
.f0{fill:#57606a}.f1{fill:#0969da}.f2{fill:#bc4c00}
@media (prefers-color-scheme:dark){.card{fill:#16191d}.ink{fill:#e6edf3}.grid{stroke:#3a4149}
.c0{stroke:#9ea7b0}.c1{stroke:#58a6ff}.c2{stroke:#f0883e}.f0{fill:#9ea7b0}.f1{fill:#58a6ff}.f2{fill:#f0883e}}
"""
_WIDTH, _HEIGHT = 720, 400
_LEFT, _RIGHT, _TOP, _BOTTOM = 70, 190, 30, 50


def plot(figures: Mapping[str, Any]) -> str:
    """Return the plot as SVG: dots and solid lines are measured, dashed ones calculated."""
    lines, end = _measured(figures), _end_of(figures)
    top = max(calculated(points, end) for points in lines.values())

    def x(cores: float) -> float:
        return _LEFT + (cores - 1) / (end - 1) * (_WIDTH - _LEFT - _RIGHT)

    def y(rate: float) -> float:
        return _HEIGHT - _BOTTOM - rate / top * (_HEIGHT - _TOP - _BOTTOM)

    def path(points: Iterable[tuple[float, float]], look: str) -> str:
        return f'<path class="{look}" d="M{"L".join(f"{x(n):.1f} {y(rate):.1f}" for n, rate in points)}"/>'

    step = 10 ** (len(str(int(top))) - 1)
    drawn = [
        f'<line class="grid" x1="{_LEFT}" x2="{x(end)}" y1="{y(rate):.1f}" y2="{y(rate):.1f}"/>'
        f'<text class="ink" x="{_LEFT - 8}" y="{y(rate) + 4:.1f}" text-anchor="end">{rate:,}</text>'
        for rate in range(0, int(top) + 1, max(1, step // (1 if top / step > 4 else 2)))
    ]
    drawn += [
        f'<text class="ink" x="{x(n):.1f}" y="{_HEIGHT - _BOTTOM + 20}" text-anchor="middle">{n}</text>'
        for n in (1, end // 4, end // 2, 3 * end // 4, end)
    ]
    last = float("-inf")
    labels = sorted(lines, key=lambda name: -calculated(lines[name], end))
    for name in labels:
        points, colour = lines[name], list(lines).index(name) % 3
        known = sorted(points)
        beyond = [(n, calculated(points, n)) for n in range(max(known), end + 1)]
        drawn.append(path(((n, points[n]) for n in known), f"c{colour}"))
        drawn.append(path(beyond, f"c{colour} dashed"))
        drawn += [f'<circle class="f{colour}" cx="{x(n):.1f}" cy="{y(points[n]):.1f}" r="4"/>' for n in known]
        last = max(y(beyond[-1][1]) + 4, last + 18)
        drawn.append(f'<text class="f{colour}" x="{x(end) + 8:.1f}" y="{last:.1f}">{html.escape(name)}</text>')
    drawn.append(f'<text class="ink" x="{_LEFT}" y="{_TOP - 12}">tokens a second, {PLOTTED}</text>')
    note = "cores; dots: measured, dashed: calculated"
    drawn.append(f'<text class="ink" x="{_LEFT}" y="{_HEIGHT - 8}">{note}</text>')
    said = html.escape(in_words(figures))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" aria-label="{said}">\n'
        f"<title>{said}</title>\n<style>{_STYLE}</style>\n"
        f'<rect class="card" width="{_WIDTH}" height="{_HEIGHT}" rx="8"/>\n' + "\n".join(drawn) + "\n</svg>\n"
    )
