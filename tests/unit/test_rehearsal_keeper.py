"""Whether a lab's rehearsal is still there, whatever it is busy with."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from core.files import write_file
from core.folders import LabFolder
from hypervisor.private import PrivateHypervisor
from inventory.endpoint import note_file
from rehearsal.keeper import is_played


def test_one_that_takes_its_time_to_answer_is_there_until_it_ends(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = LabFolder(tmp_path / "busy")
    monkeypatch.setattr(PrivateHypervisor, "is_running", lambda _: True)
    assert not is_played(folder)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        write_file(note_file(folder), f"http://127.0.0.1:{silent.getsockname()[1]}")
        assert is_played(folder)
    assert not is_played(folder)
