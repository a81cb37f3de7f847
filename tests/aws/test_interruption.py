"""A halab that is killed while it makes a lab on AWS: `down` leaves nothing of it."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

import pytest

from cli.audit import Audited, audit
from cli.down import down
from core.command import start
from core.errors import HalabError
from core.folders import PROJECT
from core.processes import all_processes, environment_of
from core.wait import wait_until
from infra.orphans import LAB
from tests.aws.conftest import Account, begin

MAKING = """\
import sys
from pathlib import Path
from core.folders import LabFolder
from tests.aws.conftest import engine_of, make_machines
make_machines(engine_of(LabFolder(Path(sys.argv[1]))))
"""

PATIENCE_S = 900
"""Seconds until the first machine is there; on an idle machine it is a quarter of a minute."""


def test_down_leaves_nothing_of_what_was_cut_off(
    endpoint: str,
    account: Account,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    folder = begin("torn", endpoint, tmp_path)
    making = start(
        [sys.executable, "-P", "-c", MAKING, str(folder.path)],
        cwd=PROJECT,
        env={name: os.environ[name] for name in ("PULUMI_HOME", "PYTHONPATH")},
    )
    with making:
        wait_until(
            account.instances,
            bool,
            what="a machine",
            timeout=PATIENCE_S,
            failed=lambda _: "it ended" if making.poll() is not None else None,
            interval=0.3,
        )
        making.send_signal(signal.SIGKILL)

    audit(Audited.AWS, endpoint=endpoint)
    assert "torn" in capsys.readouterr().out
    with monkeypatch.context() as elsewhere:
        # Somebody else with the same account, who may have a lab of that name.
        elsewhere.setenv("XDG_STATE_HOME", str(tmp_path / "other"))
        with pytest.raises(HalabError, match="of labs that are not here"):
            audit(Audited.AWS, endpoint=endpoint)
        with pytest.raises(HalabError, match="was left alone"):
            down(str(folder.definition))
        assert account.instances()

    down("torn")

    assert account.contents() == {}
    assert not folder.path.exists()
    assert not [pid for pid in all_processes() if environment_of(pid).get(LAB) == str(folder.path)]
    capsys.readouterr()
    audit(Audited.AWS, endpoint=endpoint)
    assert "nothing of a lab is on AWS" in capsys.readouterr().out
