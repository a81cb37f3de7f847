"""Pulumi itself, on a program of two lines: what it writes, and where."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.folders import PROJECT, LabFolder
from hypervisor.toolchain import find_toolchain
from infra import engine
from infra.engine import Engine

PROGRAM = """\
import pulumi
pulumi.export("word", pulumi.Output.secret("hush"))
"""


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project of its own in the place of halab's."""
    made = tmp_path / "checkout"
    (made / "infra").mkdir(parents=True)
    (made / "infra" / "__main__.py").write_text(PROGRAM)
    (made / "Pulumi.yaml").write_bytes((PROJECT / "Pulumi.yaml").read_bytes())
    monkeypatch.setattr(engine, "PROJECT", made)
    return made


def test_a_stack_is_made_used_and_destroyed_without_a_word_in_the_checkout(
    checkout: Path, tmp_path: Path
) -> None:
    toolchain = find_toolchain()
    if toolchain is None:
        pytest.skip("Pulumi is not there; the first `up` gets it")
    folder = LabFolder(tmp_path / "demo")
    made = Engine(folder, toolchain.environment())

    made.prepare()
    assert "encryptionsalt: " in (folder.pulumi / "stack.yaml").read_text()
    assert made.up(lambda _: None) == {"word": "hush"}
    made.prepare()
    made.destroy(lambda _: None)

    assert {path.name for path in checkout.iterdir()} == {"infra", "Pulumi.yaml"}
