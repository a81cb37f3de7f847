"""Which labs are here is told of all, whatever the files of one are like."""

from __future__ import annotations

from pathlib import Path

import pytest

from cli.listing import list_labs
from core.folders import LabFolder


def test_a_lab_whose_files_cannot_be_read_hides_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    LabFolder.of("odd").record.mkdir(parents=True)
    LabFolder.of("web").path.mkdir(parents=True)

    list_labs()

    lines = {line.split()[0]: line for line in capsys.readouterr().out.splitlines()}
    assert "unreadable (Is a directory)" in lines["odd"]
    assert "half built" in lines["web"]
