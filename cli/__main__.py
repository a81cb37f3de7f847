"""Entry point: runs a command and prints an error once."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

from rich.console import Console
from rich.text import Text

from cli import streams
from cli.app import app
from core import environment
from core.errors import HalabError
from core.signals import interruptible
from core.wording import worded

CONTINUED = frozenset({"up", "down", "update", "heal", "restore", "reset", "pulumi"})
"""Commands that, said again, go on where they were interrupted."""


def main() -> int:
    """Run the command line and return the exit status."""
    streams.prepare()
    # What a command has to take back it does whichever way it is told to end.
    with environment.adopted(environment.for_halab()), interruptible(_say_ending):
        return _run(Console(stderr=True, highlight=False, soft_wrap=True))


def _run(console: Console) -> int:
    try:
        try:
            app(prog_name="halab", standalone_mode=True)
        finally:
            sys.stdout.flush()
    except HalabError as error:
        return _tell(console, error)
    except SystemExit as ending:
        # Typer turns Ctrl-C into an exit status; a command that ssh ended with 130 is none.
        if isinstance(getattr(ending.__context__, "__cause__", None), KeyboardInterrupt):
            console.print(f"halab: interrupted{how_to_go_on(sys.argv[1:2])}.")
        raise
    except OSError as error:
        streams.discard_output()
        return _tell(console, worded(error))
    return 0


def _say_ending() -> None:
    # In a handler of signals: nothing that may hold a lock.
    if sys.stderr.isatty():
        os.write(sys.stderr.fileno(), b"\nhalab: ending ...\n")


def how_to_go_on(command: Sequence[str]) -> str:
    """Word what becomes of a command that was interrupted; nothing where it begins anew."""
    return "; the same command continues" if {*command} & CONTINUED else ""


def _tell(console: Console, error: HalabError) -> int:
    console.print(Text.assemble(("halab: ", "bold red"), error.message))
    if error.detail:
        console.print(Text(_indent(error.detail), style="dim"))
    if error.hint:
        console.print(Text.assemble(("  what to do: ", "bold"), error.hint))
    return 1


def _indent(text: str) -> str:
    return "\n".join(f"  {line}" for line in text.splitlines())


if __name__ == "__main__":
    sys.exit(main())
