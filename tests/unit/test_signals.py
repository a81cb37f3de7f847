"""However a command is told to end, what it broke is taken back first, and only once."""

from __future__ import annotations

import os
import pty
import signal
import subprocess
import sys
import time

import pytest

from cli.__main__ import how_to_go_on
from cli.output import LastingOutput
from core.signals import ENDINGS, interruptible, undisturbed

EVERY = pytest.mark.parametrize("number", sorted(ENDINGS))


def send(number: int) -> None:
    os.kill(os.getpid(), number)


def heard_by_children() -> set[int]:
    """Return which of ENDINGS a program that is started now would hear."""
    told = subprocess.run(
        ["sed", "-n", "s/^SigBlk:.//p", "/proc/self/status"], capture_output=True, text=True
    )
    blocked = int(told.stdout, 16)
    return {number for number in ENDINGS if not blocked & 1 << number - 1}


@EVERY
def test_a_command_can_be_told_to_end(number: int) -> None:
    with pytest.raises(KeyboardInterrupt), interruptible():
        send(number)
        pytest.fail("nothing happened")


@EVERY
def test_what_is_cleaned_up_then_is_left_in_peace(number: int) -> None:
    done = []
    with pytest.raises(KeyboardInterrupt), interruptible():
        try:
            send(signal.SIGHUP)
        finally:
            send(number)
            send(number)
            done.append(heard_by_children())
    assert done == [set()]
    assert heard_by_children() == ENDINGS


@EVERY
def test_what_must_not_be_disturbed_comes_to_its_end_first(number: int) -> None:
    told, done = [], []
    with pytest.raises(KeyboardInterrupt), interruptible():
        with undisturbed(lambda: told.append("wait")):
            send(number)
            done.append(heard_by_children())
        pytest.fail("the signal was forgotten")
    assert (told, done) == (["wait"], [set()])


def test_what_was_ignored_stays_ignored() -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with interruptible(), undisturbed(lambda: None):
            send(signal.SIGHUP)
    finally:
        signal.signal(signal.SIGHUP, before)


def test_handlers_are_what_they_were() -> None:
    before = {number: signal.getsignal(number) for number in ENDINGS}
    with interruptible(), undisturbed(lambda: None):
        assert all(signal.getsignal(number) != held for number, held in before.items())
    assert {number: signal.getsignal(number) for number in ENDINGS} == before


def test_a_reader_that_went_away_ends_nothing() -> None:
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "w") as stream:
        output = LastingOutput.of(stream)
        assert output is not None
        print("nobody hears this", file=output, flush=True)
        print("nor this", file=output, flush=True)


def test_a_terminal_that_is_gone_ends_nothing() -> None:
    terminal, inside = pty.openpty()
    with os.fdopen(inside, "w") as stream:
        output = LastingOutput.of(stream)
        assert output is not None and output.isatty()
        os.close(terminal)
        print("nobody hears this", file=output, flush=True)


def test_a_full_disk_spoils_results_and_no_progress() -> None:
    with pytest.raises(OSError, match="No space left"), open("/dev/full", "w") as stream:
        print("a result", file=LastingOutput.of(stream), flush=True)
    program = "import sys; from cli.output import outlive_readers; outlive_readers(); " + (
        "print('progress', file=sys.stderr, flush=True); print('a result')"
    )
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [sys.executable, "-c", program], stderr=full, stdout=subprocess.PIPE, text=True
        )
    assert (done.returncode, done.stdout) == (0, "a result\n")


COMMAND = """
import time
from cli import __main__ as halab

@halab.app.command()
def stall() -> None:
    try:
        print("ready", flush=True)
        time.sleep(60)
    finally:
        print("taken back", flush=True)

raise SystemExit(halab.main())
"""


@EVERY
def test_every_command_takes_back_what_it_began(number: int) -> None:
    with subprocess.Popen(
        [sys.executable, "-P", "-c", COMMAND, "stall"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        process.send_signal(number)
        said, complained = process.communicate(timeout=30)
    assert said == "taken back\n"
    assert process.returncode == 130
    # Nothing goes on where this one was.
    assert "halab: interrupted.\n" in complained


@pytest.mark.parametrize(("command", "continues"), [("up", True), ("down", True), ("drill", False)])
def test_only_of_a_command_that_goes_on_it_is_said(command: str, continues: bool) -> None:
    assert ("the same command continues" in how_to_go_on([command])) is continues


def test_that_it_ends_is_said_at_once() -> None:
    said: list[str] = []

    with pytest.raises(KeyboardInterrupt), interruptible(lambda: said.append("ending")):
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(10)

    assert said == ["ending"]
