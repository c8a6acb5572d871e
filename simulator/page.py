"""A campaign's report as one page that needs nothing else: no script, no font, no network."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape
from math import log10
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from simulator.report import Failure, Report, Rows

BLUE, GREY, ORANGE, RED, INK = "#2f6f9f", "#c9d3db", "#c8741a", "#b3261e", "#25303a"
STYLE = """
body { font: 15px/1.5 system-ui, "Noto Sans", "Noto Sans SC", sans-serif; color: #25303a; background: #fff; margin: 0 }
main { max-width: 1080px; margin: 0 auto; padding: 28px 24px 64px }
h1 { font-size: 26px; margin: 0 0 2px } h2 { font-size: 18px; margin: 38px 0 8px }
p { margin: 4px 0 10px } .soft { color: #5d6b77 }
.verdict { display: inline-block; padding: 3px 12px; border-radius: 4px; font-weight: 600; color: #fff }
.good { background: #2e7d4f } .bad { background: #b3261e }
.figures { display: grid; grid-template-columns: repeat(auto-fill, minmax(230px, 1fr)); gap: 12px; margin: 20px 0 }
.figure { border: 1px solid #dde4ea; border-radius: 6px; padding: 9px 13px }
.figure b { display: block; font-size: 12px; font-weight: 600; color: #5d6b77 }
table { border-collapse: collapse; width: 100% }
th, td { text-align: left; padding: 4px 10px 4px 0; vertical-align: top }
th { font-size: 12px; color: #5d6b77; border-bottom: 1px solid #c9d3db } td { border-bottom: 1px solid #eef2f5 }
td.n, th.n { text-align: right; font-variant-numeric: tabular-nums }
pre { background: #f5f7f9; border: 1px solid #dde4ea; border-radius: 6px; padding: 10px 12px; font-size: 12.5px }
pre { overflow-x: auto }
code { background: #f5f7f9; padding: 1px 4px; border-radius: 3px }
svg { display: block; max-width: 100%; height: auto }
svg text { font: 12px system-ui, "Noto Sans", sans-serif; fill: #25303a }
td.second { padding-left: 48px }
"""


def page(report: Report) -> str:
    """The whole page."""
    verdict = (
        '<span class="verdict good">no violation</span>'
        if report.ok
        else f'<span class="verdict bad">{len(report.failures)} of {len(report.outcomes)} runs failed</span>'
    )
    body = [
        f"<h1>{escape(report.title)}</h1>",
        f'<p class="soft">campaign of {len(report.outcomes):,} runs; code {escape(report.revision)}</p>',
        f"<p>{verdict}</p>",
        _figures(report.summary()[2:]),
        *(_failure(each) for each in report.failures),
        _section(
            "Check-outs by hour of the day", "taken in one station on one day, on average", _hours(report)
        ),
        _section(
            "Faults",
            "how many were injected; the dark part was met: traffic or people crossed it",
            _faults(report),
        ),
        _section(
            "Boards",
            "which faults each kind of board and reader can have and met; a line's faults are those of all on it",
            _boards(report),
        ),
        _section(
            "Recoveries",
            "from the end of a fault until the station was well again: blue half of them, orange all (logarithmic)",
            _recoveries(report),
        ),
        _section("Invariants", "looked at after every step, against the world's truth", _checks(report)),
        _section("People", "what they did beside the ordinary", _counts(report.summed("did"))),
        _section("Refused", "what the station said no to, by reason", _counts(report.summed("refusals"))),
    ]
    title = escape(f"{report.title} - campaign")
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>{title}</title>'
        f"<style>{STYLE}</style></head>\n<body><main>\n" + "\n".join(body) + "\n</main></body></html>\n"
    )


def _figures(rows: Rows) -> str:
    cells = (f'<div class="figure"><b>{escape(name)}</b>{escape(value)}</div>' for name, value in rows)
    return f'<div class="figures">{"".join(cells)}</div>'


def _section(title: str, words: str, content: str) -> str:
    if not content:
        return ""
    return f'<h2>{escape(title)}</h2><p class="soft">{escape(words)}</p>{content}'


def _failure(failure: Failure) -> str:
    smaller = ""
    if failure.smaller is not None:
        smaller = f"<p>smaller, {escape(failure.smaller_says or '')}:</p><pre>{escape(failure.smaller)}</pre>"
    lines = escape("\n".join(failure.last_lines))
    more = f" <span class='soft'>and {failure.others} more</span>" if failure.others else ""
    return (
        f"<h2>Seed {failure.seed}</h2><p><b>{escape(str(failure.violation))}</b>{more}</p>"
        f"<p>see it again:</p><pre>{escape(failure.replay)}</pre>{smaller}"
        f"<p>the last things that happened before:</p><pre>{lines}</pre>"
    )


def _table(heads: Sequence[str], rows: Iterable[Sequence[str]], numbers: int) -> str:
    """A table whose last `numbers` columns are numbers."""
    first = len(heads) - numbers

    def line(cells: Sequence[str], tag: str) -> str:
        return "".join(
            f"<{tag}{' class=n' if index >= first else ''}>{escape(cell)}</{tag}>"
            for index, cell in enumerate(cells)
        )

    body = "".join(f"<tr>{line(row, 'td')}</tr>" for row in rows)
    return f"<table><tr>{line(heads, 'th')}</tr>{body}</table>"


def _checks(report: Report) -> str:
    tables = {title: (heads, rows) for title, heads, rows in report.tables()}
    heads, rows = tables["invariants"]
    return _table(heads, rows, numbers=1)


def _boards(report: Report) -> str:
    tables = {title: (heads, rows) for title, heads, rows in report.tables()}
    heads, rows = tables["faults by board"]
    return _table(heads, rows, numbers=3)


def _counts(counts: dict[str, int]) -> str:
    rows = [(name.replace("_", " "), f"{count:,}") for name, count in counts.items()]
    half = (len(rows) + 1) // 2
    pairs = [
        (*rows[index], *(rows[index + half] if index + half < len(rows) else ("", "")))
        for index in range(half)
    ]
    cells = "".join(
        f"<tr><td>{escape(a)}</td><td class=n>{b}</td><td class=second>{escape(c)}</td><td class=n>{d}</td></tr>"
        for a, b, c, d in pairs
    )
    return f"<table>{cells}</table>" if rows else ""


# -- plots


def _text(x: float, y: float, words: str, anchor: str = "start", extra: str = "") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}"{extra}>{escape(words)}</text>'


def _bar(x: float, y: float, width: float, height: float, colour: str, says: str = "") -> str:
    title = f"<title>{escape(says)}</title>" if says else ""
    size = f'width="{max(width, 0):.1f}" height="{height:.1f}"'
    return f'<rect x="{x:.1f}" y="{y:.1f}" {size} fill="{colour}">{title}</rect>'


def _svg(width: int, height: int, parts: Iterable[str], label: str) -> str:
    return (
        f'<svg viewBox="0 0 {width} {height}" width="{width}" height="{height}" role="img" '
        f'aria-label="{escape(label)}">{"".join(parts)}</svg>'
    )


def _hours(report: Report) -> str:
    hours = report.check_outs_by_hour()
    most = max(hours)
    if not most:
        return ""
    height, left, step = 150.0, 40.0, 40.0
    parts = []
    for share in (0.0, 0.5, 1.0):
        y = 15 + height * (1 - share)
        parts.append(f'<line x1="{left}" x2="{left + 24 * step}" y1="{y}" y2="{y}" stroke="#e3e9ee"/>')
        parts.append(_text(left - 6, y + 4, f"{most * share:.1f}", "end"))
    for hour, count in enumerate(hours):
        tall = height * count / most
        says = f"{hour:02d}:00 to {hour + 1:02d}:00: {count:.2f}"
        parts.append(_bar(left + hour * step + 5, 15 + height - tall, step - 10, tall, BLUE, says))
        parts.append(_text(left + hour * step + step / 2, height + 33, f"{hour:02d}", "middle"))
    return _svg(1010, 195, parts, "check-outs by hour")


def _faults(report: Report) -> str:
    faults = report.faults()
    if not faults:
        return ""
    most = max(some for some, _ in faults.values())
    left, row, wide = 210.0, 20.0, 720.0
    parts = []
    for index, (kind, (some, met)) in enumerate(faults.items()):
        y = index * row
        parts.append(_text(left - 8, y + 14, kind.replace("_", " "), "end"))
        parts.append(_bar(left, y + 3, wide * some / most, 14, GREY, f"{kind}: {some} injected"))
        parts.append(_bar(left, y + 3, wide * met / most, 14, BLUE if met else RED, f"{kind}: {met} met"))
        parts.append(_text(left + wide * some / most + 6, y + 14, f"{met:,} of {some:,}"))
    return _svg(1010, int(len(faults) * row + 6), parts, "faults injected and met")


def _recoveries(report: Report) -> str:
    recoveries = report.recoveries()
    if not recoveries:
        return ""
    most = max(took[-1] for took in recoveries.values())
    decades = log10(max(most, 1.0) * 10)

    def place(seconds: float) -> float:
        """0.1 s is the left end of the scale."""
        return left + wide * max(0.0, log10(max(seconds, 0.1) * 10)) / decades

    left, row, wide = 210.0, 20.0, 640.0
    bottom = len(recoveries) * row
    parts = []
    tick = 0.1
    while tick <= most * 1.0001 or tick <= 1:
        x = place(tick)
        parts.append(f'<line x1="{x:.1f}" x2="{x:.1f}" y1="0" y2="{bottom}" stroke="#e3e9ee"/>')
        parts.append(_text(x, bottom + 16, f"{tick:g} s", "middle"))
        tick *= 10
    for index, (kind, took) in enumerate(recoveries.items()):
        y, middle, longest = index * row, took[len(took) // 2], took[-1]
        parts.append(_text(left - 8, y + 14, kind.replace("_", " "), "end"))
        parts.append(_bar(place(0.1), y + 8, place(longest) - place(0.1), 4, GREY))
        for x, colour, says in (
            (place(middle), BLUE, f"half within {middle:g} s"),
            (place(longest), ORANGE, f"all within {longest:g} s"),
        ):
            parts.append(
                f'<circle cx="{x:.1f}" cy="{y + 10}" r="5" fill="{colour}"><title>{says}</title></circle>'
            )
        parts.append(_text(left + wide + 20, y + 14, f"{len(took):,}"))
    return _svg(1010, int(bottom + 24), parts, "recoveries")
