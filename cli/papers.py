"""What a person wants to have of an update besides words: a page, and JUnit XML."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import typer

from cli.drill import write, writing
from core.errors import HalabError
from core.places import write_out
from drills.junit import Case, junit
from drills.result import DrillResult


@dataclass(frozen=True)
class Papers:
    """Where they are to be, of an update of which lab; None for what nobody wants."""

    lab: str
    report: Path | None = None
    xml: Path | None = None

    @property
    def wanted(self) -> bool:
        """Whether there is any."""
        return self.report is not None or self.xml is not None

    @contextmanager
    def kept(self) -> Iterator[None]:
        """Let those of an earlier update go; tell why there is none, where the block fails first.

        Raises HalabError, before the block begins, where one of them cannot be written.
        """
        for path in filter(None, (self.xml, self.report)):
            _make_room(path)
        try:
            yield
        except (HalabError, typer.BadParameter, KeyboardInterrupt) as error:
            if self.xml is not None and not self.xml.exists():
                why = "interrupted" if isinstance(error, KeyboardInterrupt) else error.message
                with suppress(HalabError):
                    self._write_xml([Case("update", 0.0, None, why)])
            raise

    def write(self, result: DrillResult) -> None:
        """Tell what an update was; raises HalabError when that cannot be written."""
        self._write_xml([Case(result.fault, result.ended - result.began, result)])
        if self.report is not None:
            write(result, self.report)

    def write_nothing(self) -> None:
        """Tell that there was nothing to do; raises HalabError when that cannot be written."""
        self._write_xml([])

    def _write_xml(self, cases: Sequence[Case]) -> None:
        if self.xml is not None:
            with writing(self.xml):
                write_out(self.xml, junit(self.lab, cases, "update"))


def _make_room(path: Path) -> None:
    """Remove a file that is there; what is none, as a terminal, is only written to."""
    if path.is_dir():
        raise HalabError(f"{path} is a folder; it has to be a file")
    with writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.is_file() or not path.exists():
            # Where a link leads.
            place = path.resolve()
            place.unlink(missing_ok=True)
            place.touch()
            place.unlink()
