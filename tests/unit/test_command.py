"""A local command either works or leaves everything needed to repeat it."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from core.command import run
from core.errors import CommandError, HalabError


def test_output_and_status_come_back() -> None:
    done = run(["sh", "-c", "echo out; echo err >&2"])
    assert (done.returncode, done.stdout, done.stderr) == (0, "out\n", "err\n")


def test_words_are_not_read_by_a_shell() -> None:
    assert run(["echo", "$HOME; ls", "*"]).stdout == "$HOME; ls *\n"


def test_a_failure_carries_command_status_and_output() -> None:
    with pytest.raises(CommandError) as caught:
        run(["sh", "-c", "echo out; echo err >&2; exit 3"], hint="try again")
    error = caught.value
    assert (error.status, error.stdout, error.stderr) == (3, "out\n", "err\n")
    assert str(error) == (
        "command exited with 3: sh -c 'echo out; echo err >&2; exit 3'\nout\nerr\nhint: try again"
    )


def test_a_failure_may_be_an_answer() -> None:
    assert run(["false"], check=False).returncode == 1


def test_a_program_that_is_not_there() -> None:
    with pytest.raises(HalabError) as caught:
        run(["no-such-program-of-halab"])
    assert caught.value.message == "program not found: no-such-program-of-halab"
    assert caught.value.hint == "run `./halab doctor`"


def test_a_command_that_takes_too_long_keeps_what_it_said() -> None:
    with pytest.raises(CommandError) as caught:
        run(["sh", "-c", "echo so far; exec sleep 30"], timeout=0.5)
    assert caught.value.status is None
    assert "did not finish in time" in caught.value.message
    assert caught.value.stdout == "so far\n"


def test_input_is_given_or_empty() -> None:
    assert run(["cat"], stdin="hello").stdout == "hello"
    assert run(["cat"]).stdout == ""


def test_a_command_cannot_take_what_a_person_types() -> None:
    ours = os.dup(0)
    typed, keyboard = os.pipe()
    os.write(keyboard, b"typed for halab")
    os.close(keyboard)
    os.dup2(typed, 0)
    try:
        assert run(["cat"]).stdout == ""
    finally:
        os.dup2(ours, 0)
        os.close(ours)
        os.close(typed)


def test_the_environment_is_added_to(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HALAB_OLD", "kept")
    done = run(["sh", "-c", "echo $HALAB_OLD $HALAB_NEW"], env={"HALAB_NEW": "added"})
    assert done.stdout == "kept added\n"


def test_the_folder_can_be_chosen(tmp_path: Path) -> None:
    assert run(["pwd", "-P"], cwd=tmp_path).stdout.strip() == str(tmp_path.resolve())


def test_a_missing_folder_is_not_a_missing_program(tmp_path: Path) -> None:
    with pytest.raises(HalabError) as caught:
        run(["true"], cwd=tmp_path / "gone")
    assert "gone" in caught.value.message


def test_bytes_that_are_no_text_do_not_break_it() -> None:
    program = "import sys; sys.stdout.buffer.write(bytes([255, 65]))"
    assert run([sys.executable, "-c", program]).stdout == "\N{REPLACEMENT CHARACTER}A"


def test_the_host_of_a_failure_is_named() -> None:
    error = CommandError("crm_mon -1", status=102, host="node1")
    assert str(error) == "command on node1 exited with 102: crm_mon -1"


def test_a_paths_words_are_quoted_for_pasting(tmp_path: Path) -> None:
    odd = tmp_path / "two words"
    with pytest.raises(CommandError) as caught:
        run(["ls", odd])
    assert f"ls '{odd}'" in caught.value.message
