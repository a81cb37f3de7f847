"""Progress that a person likes to read: a live line on a terminal, plain lines elsewhere."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.live import Live
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

from cli.phases import phases

REFRESH_PER_SECOND = 8

RECENT = 6
"""Sentences of a step that a terminal shows."""


class Progress:
    """Shows the steps of a long command on standard error, each with the time it took."""

    def __init__(self, console: Console | None = None) -> None:
        self._console = console or Console(stderr=True, highlight=False)

    def note(self, sentence: str) -> None:
        """Say something that is not a step."""
        # A log has no width: whoever searches it finds whole sentences.
        log = not self._console.is_terminal
        self._console.print(Text(f"  {sentence}", style="dim"), soft_wrap=log)

    @contextmanager
    def step(
        self, title: str, *, usually: str | None = None, if_needed: bool = False
    ) -> Iterator[Step]:
        """Show a step while it runs; `usually` says how long it tends to take.

        A step `if_needed` leaves no line behind when it had nothing to say.
        """
        step = Step(title, usually, self._console, if_needed)
        with step.shown():
            yield step


class Step:
    """One step in progress; call it with a sentence to say what it is doing now."""

    def __init__(self, title: str, usually: str | None, console: Console, if_needed: bool) -> None:
        self._title = title
        self._usually = usually
        self._console = console
        self._started = time.monotonic()
        self._now = ""
        self._said: list[tuple[float, str]] = []
        self._announced = False
        self._if_needed = if_needed
        self._spinner = Spinner("dots", style="cyan")

    def __call__(self, sentence: str) -> None:
        """Say what is being done now."""
        if sentence == self._now:
            return
        self._announce()
        self._now = sentence
        self._said.append((self._elapsed(), sentence))
        if not self._console.is_terminal:
            self._console.print(
                f"  [{self._elapsed():4.0f} s] {sentence}", markup=False, soft_wrap=True
            )

    @property
    def phases(self) -> tuple[tuple[str, float], ...]:
        """What the time went into so far, in seconds, where what was said tells of phases."""
        return phases(self._said, self._elapsed())

    @contextmanager
    def shown(self) -> Iterator[None]:
        """Show the step until the block ends, then one line with its time."""
        if not self._if_needed:
            self._announce()
        if not self._console.is_terminal:
            with self._closed():
                yield
            return
        with (
            Live(
                get_renderable=self._render,
                console=self._console,
                transient=True,
                refresh_per_second=REFRESH_PER_SECOND,
            ),
            self._closed(),
        ):
            yield

    @contextmanager
    def _closed(self) -> Iterator[None]:
        try:
            yield
        except BaseException:
            self._finish("failed", "red")
            raise
        if self._announced:
            self._finish("done", "green")

    def _announce(self) -> None:
        if self._announced:
            return
        self._announced = True
        if not self._console.is_terminal:
            hint = f" (usually {self._usually})" if self._usually else ""
            self._console.print(f"{self._title} ...{hint}", markup=False, soft_wrap=True)

    def _elapsed(self) -> float:
        return time.monotonic() - self._started

    def _finish(self, word: str, style: str) -> None:
        if self._console.is_terminal:
            mark = "✔" if word == "done" else "✘"
            line = Text.assemble(
                (f"{mark} ", style), self._title, (f"  {self._elapsed():.0f} s", "dim")
            )
            self._console.print(line)
        else:
            self._console.print(
                f"{self._title}: {word} in {self._elapsed():.0f} s", markup=False, soft_wrap=True
            )

    def _render(self) -> Table:
        grid = Table.grid(padding=(0, 1))
        hint = f" of usually {self._usually}" if self._usually else ""
        title = Text.assemble(self._title, (f"  {self._elapsed():.0f} s{hint}", "dim"))
        grid.add_row(self._spinner, title)
        for at, sentence in self._said[-RECENT:]:
            grid.add_row("", Text(f"{at:5.0f} s  {sentence}", style="dim", overflow="ellipsis"))
        return grid
