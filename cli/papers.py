"""What a person wants to have of a command besides words: pages, and JUnit XML."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.text import Text

from core.errors import HalabError
from core.places import make_room, write_out
from core.wording import worded
from drills.junit import Case, junit
from drills.report import is_page, write_report
from drills.result import DrillResult

SUMMARY = "summary.html"
"""The page of a whole series, among its reports."""

HISTORY = "history"
"""The folder beside reports in which results outlive a lab, for `halab history`."""


@dataclass(frozen=True)
class Papers:
    """Where they are to be, of what a command does to which lab; None for what nobody wants.

    `reports` is a folder for the pages of a series: a file for each drill, and one for all.
    """

    lab: str
    command: str
    pages: tuple[Path, ...] = ()
    xml: Path | None = None
    reports: Path | None = None

    @property
    def wanted(self) -> bool:
        """Whether there is any of a single result."""
        return bool(self.pages) or self.xml is not None

    @contextmanager
    def kept(self) -> Iterator[None]:
        """Let those of an earlier run go; tell in XML why there are none, where the block fails.

        Raises HalabError, before the block begins, where one of them cannot be written.
        """
        try:
            self._make_room()
            yield
        except (HalabError, OSError, KeyboardInterrupt) as error:
            if self.xml is not None and not self.xml.exists():
                with suppress(HalabError):
                    self.tell([Case(self.command, 0.0, None, _why(error))])
            raise

    def write(self, result: DrillResult) -> None:
        """Tell what came of one drill or update; raises HalabError when that is impossible."""
        self.tell([Case(result.fault, result.ended - result.began, result)])
        for page in self.pages:
            write(result, page)

    def tell(self, cases: Sequence[Case]) -> None:
        """Tell in XML what came of each; of none, that there was nothing to do.

        Raises HalabError when it cannot be written.
        """
        if self.xml is not None:
            with writing(self.xml):
                write_out(self.xml, junit(self.lab, cases, self.command))

    def _make_room(self) -> None:
        # The XML comes first, for it tells what is wrong with the others.
        for place in filter(None, (self.xml, *self.pages)):
            with writing(place):
                make_room(place)
        if self.reports is not None:
            with writing(self.reports):
                _clear(self.reports)


def write(result: DrillResult, path: Path) -> None:
    """Write the HTML report; raises HalabError when that is impossible."""
    with writing(path):
        write_report(result, path)


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Word why what a person wants to have cannot be written there; raises HalabError."""
    try:
        yield
    except OSError as error:
        said = worded(error, path)
        raise HalabError(f"cannot write {said.message}", hint=said.hint) from error


@contextmanager
def complaining(console: Console) -> Iterator[None]:
    """Say why something cannot be written, and go on: drills of hours are worth more."""
    try:
        yield
    except HalabError as error:
        console.print(Text(error.message, style="red"))


def page_at(folder: Path, number: int, drill: str) -> Path:
    """Return where the page of a series' drill is, among its reports."""
    return folder / f"{number:02d}-{drill}.html"


def _clear(folder: Path) -> None:
    """Remove the pages of an earlier series, and nobody else's; what history reads stays."""
    (folder / HISTORY).mkdir(parents=True, exist_ok=True)
    for path in folder.glob("[0-9][0-9]*-*.html"):
        if is_page(path):
            path.unlink()
    make_room(folder / SUMMARY)


def _why(error: HalabError | OSError | KeyboardInterrupt) -> str:
    if isinstance(error, KeyboardInterrupt):
        return "interrupted"
    return error.message if isinstance(error, HalabError) else worded(error).message
