"""The correction of DRBD's fence handler, tried on one with the same misunderstandings."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.errors import CommandError
from parts.storage.drbd import CORRECTION, check_handler
from provisioning.steps import run_steps
from tests.unit.provisioned_lab import this_machine

STOCK = """#!/bin/bash
guess_if_pacemaker_will_fence()
{
\twill_fence=false
\tin_ccm=$(attribute in_ccm) crmd=$(attribute crmd)
\texpected=$(attribute expected) join=$(attribute join)

\t# if it is not enabled, no point in waiting for it.
\t$stonith_enabled || return

\t[[ $crmd = "banned" ]] && will_fence=true
\tif [[ $expected = down && $in_ccm = false && $crmd != online ]]; then
\t\t: clean
\telif [[ $in_ccm = false ]] || [[ $crmd != online ]]; then
\t\twill_fence=true
\tfi
}
"""

ATTRIBUTE = """attribute() { local x=${node_state#* $1=\\"}; echo "${x%%\\"*}"; }
"""


def handler(folder: Path, text: str) -> Path:
    """Write a handler; what the judgement calls stands inside it, so that it is taken along."""
    text = text.replace("{\n\twill_fence", "{\n\t" + ATTRIBUTE + "\twill_fence", 1)
    path = folder / "crm-fence-peer.sh"
    path.write_text(text)
    return path


def check(path: Path) -> None:
    (step,) = check_handler(frozenset({"/usr/local/lib/halab/crm-fence-peer.sh"}))
    command = step.command.replace("/usr/local/lib/halab/crm-fence-peer.sh", str(path), 1)
    run_steps(this_machine(), [type(step)(step.what, command)], timeout=10)


def corrected(text: str) -> str:
    for edit in CORRECTION:
        assert text.count(edit.before) == 1
        text = text.replace(edit.before, edit.after)
    return text


def test_the_corrected_handler_judges_right(tmp_path: Path) -> None:
    check(handler(tmp_path, corrected(STOCK)))


def test_the_stock_handler_is_found_out(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="takes a peer with"):
        check(handler(tmp_path, STOCK))


@pytest.mark.parametrize("omitted", range(len(CORRECTION)))
def test_half_a_correction_is_found_out(tmp_path: Path, omitted: int) -> None:
    text = STOCK
    for number, edit in enumerate(CORRECTION):
        if number != omitted:
            text = text.replace(edit.before, edit.after)
    with pytest.raises(CommandError, match="takes a peer with"):
        check(handler(tmp_path, text))


def test_it_is_checked_only_when_it_was_written() -> None:
    assert check_handler(frozenset()) == ()
