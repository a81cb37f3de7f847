"""Steps run in order in one round trip; the first that fails is named, and ends it."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.errors import CommandError
from parts.host import Step
from provisioning.steps import run_steps
from tests.unit.provisioned_lab import this_machine


def test_every_step_is_done_in_order(tmp_path: Path) -> None:
    steps = [Step(f"step {n} done", f"echo {n} >> {tmp_path}/log") for n in range(12)]
    assert run_steps(this_machine(), steps, timeout=10) == tuple(step.what for step in steps)
    assert (tmp_path / "log").read_text().split() == [str(n) for n in range(12)]


def test_nothing_to_do_does_not_even_connect() -> None:
    assert run_steps(None, [], timeout=10) == ()  # type: ignore[arg-type]


def test_the_failing_step_is_named_and_later_ones_do_not_run(tmp_path: Path) -> None:
    steps = [
        Step("first done", "echo fine"),
        Step("disk ready", "echo looking; echo 'no such disk' >&2; false; echo never"),
        Step("third done", f"touch {tmp_path}/third"),
    ]
    with pytest.raises(CommandError) as caught:
        run_steps(this_machine(), steps, timeout=10)

    assert caught.value.command == steps[1].command
    assert caught.value.host == "here"
    assert "no such disk" in str(caught.value)
    assert "disk ready" in str(caught.value)
    assert "fine" not in str(caught.value)
    assert not (tmp_path / "third").exists()


def test_a_step_inherits_nothing_from_the_one_before(tmp_path: Path) -> None:
    steps = [
        Step("moved", "cd /; left=over; set -- argument"),
        Step("looked", f'echo "$PWD ${{left:-none}} $#" > {tmp_path}/seen'),
    ]
    run_steps(this_machine(), steps, timeout=10)
    assert (tmp_path / "seen").read_text().endswith(" none 0\n")
