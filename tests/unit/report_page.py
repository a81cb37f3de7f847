"""Reports of the sample drills, taken apart as a browser would do it."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from functools import cache
from html.parser import HTMLParser
from pathlib import Path

from drills.report import write_report
from drills.report.page import drill_page
from drills.result import DrillResult
from tests.unit import sample_drill as sample

ALL = (
    sample.power_off,
    sample.lost_writes,
    sample.too_slow,
    sample.link_down,
    sample.interrupted,
    sample.hostile,
)

VOID = {"meta", "br", "hr", "img", "input", "link"}


class Page(HTMLParser):
    """A page as a browser would take it apart: its elements, the text of each, its scripts."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[tuple[str, dict[str, str]]] = []
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.texts: list[tuple[tuple[str, ...], str]] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        element = (tag, {name: value or "" for name, value in attrs})
        self.elements.append(element)
        if tag not in VOID:
            self.open.append(element)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {name: value or "" for name, value in attrs}))

    def handle_endtag(self, tag: str) -> None:
        assert self.open, f"</{tag}> closes nothing"
        assert self.open.pop()[0] == tag, f"</{tag}> is in the wrong place"

    def handle_data(self, data: str) -> None:
        self.texts.append((tuple(tag for tag, _ in self.open), data))

    @property
    def visible(self) -> str:
        told = (text for inside, text in self.texts if not {"script", "style"} & set(inside))
        return re.sub(r"\s+", " ", " ".join(told))

    def data(self, name: str) -> object:
        text = "".join(text for inside, text in self.texts if inside[-1:] == ("script",))
        [found] = [
            attrs for tag, attrs in self.elements if tag == "script" and attrs.get("id") == name
        ]
        assert found["type"] == "application/json"
        return json.JSONDecoder().raw_decode(text)[0]


@cache
def page_of(make: Callable[[], DrillResult]) -> tuple[Page, str]:
    text = drill_page(make())
    return Page(text), text


def report(result: DrillResult, folder: Path) -> tuple[Page, str]:
    path = folder / "reports" / "drill.html"
    write_report(result, path)
    text = path.read_text(encoding="utf-8")
    return Page(text), text
