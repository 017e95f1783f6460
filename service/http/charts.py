"""A month in daily bars, as one SVG: no script, no style sheet, no font from elsewhere, all text escaped."""

import re
from collections.abc import Mapping, Sequence
from xml.sax.saxutils import escape

WIDTH, HEIGHT = 760, 300
LEFT, RIGHT, TOP, BOTTOM = 76, 16, 74, 34
INK, SOFT, LINE, PAPER = "#211f1b", "#6b665c", "#e4dfd3", "#ffffff"
COLOURS = ("#a63a2a", "#2f6f8f", "#7a8f3c", "#8a5a9e")
_UNSAFE = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
"""What XML has no form for."""


def month_chart(
    title: str, caption: str, series: Mapping[str, Sequence[int]], *, labels: Sequence[str], places: int = 0
) -> str:
    """Bars of ``series``, stacked: for each name one value (not below zero) for each of ``labels``.

    Values are integers of ``places`` decimal places (2: cents), and are written so.
    """
    sums = [sum(values) for values in zip(*series.values(), strict=True)] or [0] * len(labels)
    top = _ceiling(max(sums, default=0))
    high = HEIGHT - TOP - BOTTOM
    step = (WIDTH - LEFT - RIGHT) / max(len(labels), 1)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{HEIGHT}" role="img" '
        f'viewBox="0 0 {WIDTH} {HEIGHT}" font-family="system-ui, sans-serif" font-size="12">',
        f"<title>{_text(title)}</title>",
        f"<desc>{_text(caption)}</desc>",
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="{PAPER}"/>',
        _words(16, 24, title, INK, size=16),
        _words(16, 44, caption, SOFT),
        *_legend(series),
    ]
    for share in range(5):
        y = TOP + high * (1 - share / 4)
        parts.append(f'<path d="M{LEFT} {y:.1f}H{WIDTH - RIGHT}" stroke="{LINE}"/>')
        parts.append(_words(LEFT - 8, y + 4, _number(top * share // 4, places), SOFT, anchor="end"))
    for index, label in enumerate(labels):
        x, y = LEFT + index * step, float(HEIGHT - BOTTOM)
        for (name, values), colour in zip(series.items(), COLOURS, strict=False):
            tall = high * values[index] / top
            y -= tall
            if values[index]:
                told = f"<title>{_text(f'{label} · {name}: {_number(values[index], places)}')}</title>"
                parts.append(
                    f'<rect x="{x + step * 0.15:.1f}" y="{y:.1f}" width="{step * 0.7:.1f}" '
                    f'height="{tall:.1f}" fill="{colour}">{told}</rect>'
                )
        if index % 5 == 0 or len(labels) < 8:
            parts.append(_words(x + step / 2, HEIGHT - BOTTOM + 18, label, SOFT, anchor="middle"))
    return "\n".join([*parts, "</svg>"])


def _legend(series: Mapping[str, Sequence[int]]) -> list[str]:
    parts, x = [], WIDTH - RIGHT
    for name, colour in reversed(list(zip(series, COLOURS, strict=False))):
        x -= 8 * len(name) + 28
        parts.append(f'<rect x="{x}" y="14" width="12" height="12" fill="{colour}"/>')
        parts.append(_words(x + 18, 24, name, INK))
    return parts


def _ceiling(most: int) -> int:
    """The least of 4, 8, 20, 40, 80, … that is not below ``most``: four lines of even numbers."""
    unit = 1
    while True:
        for step in (4, 8, 20):
            if most <= step * unit:
                return step * unit
        unit *= 10


def _number(value: int, places: int) -> str:
    if not places:
        return f"{value:,}"
    whole, rest = divmod(value, 10**places)
    return f"{whole:,}.{rest:0{places}}"


def _words(x: float, y: float, text: str, fill: str, *, anchor: str = "start", size: int = 12) -> str:
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" fill="{fill}" text-anchor="{anchor}" font-size="{size}">'
        f"{_text(text)}</text>"
    )


def _text(text: str) -> str:
    return escape(_UNSAFE.sub(" ", text))
