"""Puts a page together: one file that holds its style, its script and its data."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Sequence
from importlib import resources
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from core.text import plain
from drills.history import Change, Strand, named_labs
from drills.report import palette
from drills.report.course import Course
from drills.report.view import tally, verdict, view
from drills.report.words import iso
from drills.result import DrillResult, overall

LEGEND_SHAPES = {
    "X": "M-7-3-3-7 0-4 3-7 7-3 4 0 7 3 3 7 0 4-3 7-7 3-4 0Z",
    "P": "M-2.5-7h5v4.5H7v5H2.5V7h-5V2.5H-7v-5h4.5Z",
    "s": "M-6-6H6V6H-6Z",
    "o": "M-6 0a6 6 0 1 0 12 0a6 6 0 1 0-12 0Z",
    "D": "M0-7 7 0 0 7-7 0Z",
    "^": "M0-7 7 6H-7Z",
    ">": "M7 0-6 7V-7Z",
    "v": "M0 7-7-6H7Z",
    "<": "M-7 0 6 7V-7Z",
}
"""Paths for matplotlib's markers of these names."""

_environment = Environment(
    loader=PackageLoader("drills.report", "templates"),
    undefined=StrictUndefined,
    # Of everything, whatever a template is called: journals and consoles stand in the data.
    autoescape=True,
    trim_blocks=True,
    lstrip_blocks=True,
)


def drill_page(result: DrillResult) -> str:
    """Return the report of one drill as HTML."""
    return _page("drill.html", result.model_dump(mode="json"), drill=view(result, "d0"))


def summary_page(results: Sequence[DrillResult]) -> str:
    """Return the report of many drills as HTML. Its JSON leaves single requests out, for size."""
    answers = [result.answer for result in results]
    return _page(
        "summary.html",
        {
            "version": 1,
            "drills": [result.model_dump(mode="json", exclude={"attempts"}) for result in results],
        },
        title=_title(results),
        when=iso(min(result.began for result in results)) if results else "",
        verdict=verdict(overall(answers)),
        tally=tally(answers),
        sentence=_sentence(results),
        drills=[view(result, f"d{index}") for index, result in enumerate(results)],
    )


def history_page(found: Sequence[Strand], changed: Sequence[Change]) -> str:
    """Return how the outages of drills went over time as HTML. Its JSON is as in a summary."""
    results = [result for strand in found for result in strand.results]
    labs = list(dict.fromkeys(each.lab for each in results))
    named = named_labs(found)
    return _page(
        "history.html",
        {
            "version": 1,
            "drills": [result.model_dump(mode="json", exclude={"attempts"}) for result in results],
        },
        title=f"History of {plain(', '.join(labs))}",
        since=iso(min(result.began for result in results)),
        until=iso(max(result.began for result in results)),
        courses=[
            Course(strand, changed, f"s{index}", named=strand.lab in named)
            for index, strand in enumerate(found)
        ],
        changes=[
            (
                iso(change.at),
                plain(change.lab) if change.lab in named else "",
                [plain(line) for line in change.lines],
            )
            for change in changed
        ],
    )


def script_json(value: object) -> Markup:
    """Return JSON that can neither end its script element nor begin another (HTML, 4.12.1.3)."""
    text = json.dumps(value, ensure_ascii=True, separators=(",", ":"))
    return Markup(text.translate({ord(letter): f"\\u{ord(letter):04x}" for letter in "<>&"}))


def _page(template: str, data: object, **values: Any) -> str:
    script = "\n" + (resources.files("drills.report") / "templates" / "report.js").read_text()
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    return _environment.get_template(template).render(
        data=script_json(data),
        script=Markup(script),
        script_hash=f"sha256-{digest}",
        colours=Markup(palette.style_sheet()),
        shapes=LEGEND_SHAPES,
        **values,
    )


def _title(results: Sequence[DrillResult]) -> str:
    labs = plain(", ".join(dict.fromkeys(result.lab for result in results)))
    count = f"{len(results)} drill{'' if len(results) == 1 else 's'}"
    return f"{count} on {labs}" if results else "No drill ran"


def _sentence(results: Sequence[DrillResult]) -> str:
    """Say which outage came nearest to its budget, or went furthest beyond it."""
    measured = [
        (result.outage.seconds / result.budget_s, result)
        for result in results
        if result.outage is not None and result.budget_s > 0
    ]
    if not measured:
        return "No outage was measured."
    share, worst = max(measured, key=lambda pair: pair[0])
    return f"The worst outage took {100 * share:.0f} % of its budget: {plain(worst.title)}."
