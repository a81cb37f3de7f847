"""A drill, a healing, an update as it happens: a live panel on a terminal, else plain lines."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console, Group
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

REFRESH_PER_SECOND = 8
NOTICED_S = 1.5
"""Seconds without an answer from which on the service is shown as silent: a probe takes up to 1."""


class LivePhases:
    """Shows phases, what happens in them, and the service's silence against its budget."""

    def __init__(self, title: str, console: Console | None = None) -> None:
        self._title = title
        self._console = console or Console(stderr=True, highlight=False)
        self._began = time.monotonic()
        self._phases: list[tuple[str, float]] = []
        self._recent: list[tuple[float, str]] = []
        self._silent_since: float | None = None
        self._allowed_s = 0.0
        self._spinner = Spinner("dots", style="cyan")

    @contextmanager
    def shown(self) -> Iterator[None]:
        """Show them until the block ends."""
        if not self._console.is_terminal:
            self._line(self._title)
            yield
            return
        with Live(
            get_renderable=self._render,
            console=self._console,
            transient=True,
            refresh_per_second=REFRESH_PER_SECOND,
        ):
            yield

    def phase(self, name: str) -> None:
        """Begin a new part."""
        self._phases.append((name, self._elapsed()))
        self._recent = []
        if name != "Fault":
            self._silent_since = None
        if not self._console.is_terminal:
            self._line(f"[{self._elapsed():4.0f} s] {name}")

    def say(self, sentence: str) -> None:
        """Show what happens now."""
        if self._recent and self._recent[-1][1] == sentence:
            return
        self._recent = [*self._recent[-5:], (self._elapsed(), sentence)]
        if not self._console.is_terminal:
            self._line(f"[{self._elapsed():4.0f} s]   {sentence}")

    def service(self, silent_s: float, allowed_s: float) -> None:
        """Show how long the service has been silent."""
        was_silent = self._silent_since is not None
        self._allowed_s = allowed_s
        silent = silent_s > NOTICED_S
        # The clock on the screen goes on between two looks at the probes.
        self._silent_since = time.monotonic() - silent_s if silent else None
        if silent != was_silent and not self._console.is_terminal:
            word = f"is silent (may be for {allowed_s:.0f} s)" if silent else "answers"
            self._line(f"[{self._elapsed():4.0f} s]   the service {word}")

    def _line(self, text: str) -> None:
        self._console.print(text, markup=False, soft_wrap=True)

    def _elapsed(self) -> float:
        return time.monotonic() - self._began

    def _render(self) -> Group:
        grid = Table.grid(padding=(0, 1))
        grid.add_row(self._spinner, Text(f"{self._title}  {self._elapsed():.0f} s", style="bold"))
        for index, (name, at) in enumerate(self._phases):
            last = index == len(self._phases) - 1
            end = self._elapsed() if last else self._phases[index + 1][1]
            style = "" if last else "dim"
            mark = Text("▸" if last else "✔", style="cyan" if last else "green")
            grid.add_row(mark, Text(f"{name}  {end - at:.0f} s", style=style))
        for at, sentence in self._recent:
            grid.add_row("", Text(f"{at:5.0f} s  {sentence}", style="dim", overflow="ellipsis"))
        return Group(grid, self._service())

    def _service(self) -> Table:
        grid = Table.grid(padding=(0, 1))
        if self._silent_since is None:
            if self._allowed_s:
                grid.add_row("", Text("service answers", style="green"))
            return grid
        silent = time.monotonic() - self._silent_since
        style = "yellow" if silent <= self._allowed_s else "red"
        bar = ProgressBar(
            total=self._allowed_s,
            completed=min(silent, self._allowed_s),
            width=30,
            complete_style=style,
            finished_style=style,
        )
        grid.add_row(
            "",
            Text("service silent", style=style),
            bar,
            Text(f"{silent:.1f} s of {self._allowed_s:.1f} s", style=style),
        )
        return grid
