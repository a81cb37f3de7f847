"""A wrong rule set cannot lock halab out: rules stay only if it can still connect."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from core.errors import HalabError
from inventory.model import Inventory
from labs.roles import NetworkRole
from labs.timing import Timing
from machines.remote import Remote, RemoteUnreachable
from parts.system.firewall import NOTE
from provisioning import firewall
from tests.unit.namespaces import Namespace, machine_and_world
from tests.unit.walled_lab import PREFIXES, lab, node_rules, passed, with_nft

SYSTEMD_RUN = """#!/bin/sh
while [ "$1" != --on-active ]; do shift; done
seconds=$2
while [ "$1" != /bin/sh ]; do shift; done
(sleep "$seconds"; exec "$@") </dev/null >/dev/null 2>&1 &
"""
"""Ends a trial as the real one does on a machine."""


@pytest.fixture
def tools(tmp_path: Path) -> Path:
    folder = tmp_path / "tools"
    folder.mkdir()
    for name, text in (("systemd-run", SYSTEMD_RUN), ("systemctl", "#!/bin/sh\n")):
        (folder / name).write_text(text)
        (folder / name).chmod(0o755)
    return folder


@dataclass(frozen=True)
class Trial:
    """A node whose sshd listens, and rules that come to folders of this test."""

    here: Namespace
    there: Namespace
    lab: Inventory
    folder: Path

    @property
    def delivered(self) -> Path:
        """Where rules are to be tried."""
        return self.folder / "run" / "firewall.nft"

    @property
    def kept(self) -> Path:
        """What the next boot loads."""
        return self.folder / "etc" / "firewall.nft"

    def ssh_answers(self) -> bool:
        """Connect from the platform's address."""
        probe: dict[str, object] = {"source": "10.10.0.254", "target": "10.10.0.1", "tcp": [22]}
        return passed(self.there, self.there, [probe]) == [{22}]

    def rules(self) -> str:
        """Return what is in force."""
        return self.here.run("nft list table inet halab").stdout

    def apply(self, text: str) -> tuple[str, ...]:
        """Deliver rules and try them."""

        @contextmanager
        def connect() -> Iterator[Remote]:
            if not self.ssh_answers():
                raise RemoteUnreachable("here cannot be reached")
            yield self.here.remote

        self.delivered.write_text(text)
        return self.tried(connect)

    def tried(self, connect: firewall.Connect) -> tuple[str, ...]:
        """Try what was delivered."""
        delivered = frozenset({str(self.delivered)})
        return firewall.apply_on_trial(self.lab, self.here.remote, connect, delivered)


@pytest.fixture
def trial(tmp_path: Path, tools: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Trial]:
    world: dict[NetworkRole, tuple[str, ...]]
    world = {role: (f"{prefix}.254",) for role, prefix in PREFIXES.items()}
    with machine_and_world(lab().nodes[0], world, tools) as (here, there):
        found = Trial(here, there, lab(), tmp_path)
        found.delivered.parent.mkdir()
        monkeypatch.setattr(firewall, "TRIAL", str(found.delivered))
        monkeypatch.setattr(firewall, "RULES", str(found.kept))
        monkeypatch.setattr(firewall, "_RESTORED", f"{found.delivered.parent}/firewall.restored")
        monkeypatch.setattr(firewall, "NOTES", str(tmp_path / "notes"))
        monkeypatch.setattr(Timing, "firewall_trial_s", 10)
        yield found


GOOD = node_rules(lab())
DEAF = GOOD.replace("tcp dport 22 accept", "tcp dport 2222 accept")


@with_nft
def test_rules_that_let_halab_in_are_kept(trial: Trial) -> None:
    assert trial.apply(GOOD) == ("firewall rules in force",)
    assert trial.kept.read_text() == GOOD
    trial.here.run(f"sh {trial.folder}/run/end-trial", check=False)
    assert "dport 7788" in trial.rules()
    # What is noted is what is found again.
    note = (trial.folder / "notes" / NOTE).read_text()
    assert note == trial.here.run("nft --stateless list table inet halab | sha256sum").stdout


@with_nft
def test_rules_that_shut_halab_out_are_taken_back(
    trial: Trial, monkeypatch: pytest.MonkeyPatch
) -> None:
    trial.apply(GOOD)
    before = trial.rules()
    trial.here.run("nft add table inet somebody_elses")

    monkeypatch.setattr(Timing, "firewall_trial_s", 1)
    with pytest.raises(HalabError, match="shut halab out; they were taken back"):
        trial.apply(DEAF)

    assert trial.ssh_answers()
    assert trial.rules() == before
    assert trial.kept.read_text() == GOOD
    assert "somebody_elses" in trial.here.run("nft list tables").stdout


@with_nft
def test_the_first_rules_of_a_machine_can_be_taken_back_too(
    trial: Trial, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Timing, "firewall_trial_s", 1)
    with pytest.raises(HalabError):
        trial.apply(DEAF)
    assert trial.ssh_answers()
    assert not trial.kept.exists()


@with_nft
def test_a_confirmation_that_comes_too_late_is_refused(trial: Trial) -> None:
    trial.delivered.write_text(GOOD)
    with pytest.raises(HalabError, match="taken back"):
        trial.tried(late_on(trial))
    assert not trial.kept.exists()
    assert trial.here.run("nft list tables").stdout.strip() == ""


@with_nft
def test_a_confirmation_whose_answer_was_lost_is_made_once_more(trial: Trial) -> None:
    losses = iter([True])

    @contextmanager
    def breaking() -> Iterator[Remote]:
        yield trial.here.remote
        if next(losses, False):
            raise RemoteUnreachable("the connection broke")

    trial.delivered.write_text(GOOD)
    assert trial.tried(breaking) == ("firewall rules in force",)
    assert trial.kept.read_text() == GOOD
    # What was confirmed once says nothing of the next trial.
    trial.delivered.write_text(GOOD)
    with pytest.raises(HalabError, match="taken back"):
        trial.tried(late_on(trial))


def late_on(trial: Trial) -> firewall.Connect:
    """Return a connection that comes when the trial is over."""

    @contextmanager
    def late() -> Iterator[Remote]:
        trial.here.run(f"sh {trial.folder}/run/end-trial", check=False)
        yield trial.here.remote

    return late


@with_nft
def test_what_nft_does_not_understand_changes_nothing(trial: Trial) -> None:
    with pytest.raises(HalabError, match="syntax error"):
        trial.apply("table inet halab { nonsense }\n")
    assert trial.here.run("nft list tables").stdout.strip() == ""
    # Not even a trial began.
    assert [path.name for path in trial.delivered.parent.iterdir()] == ["firewall.nft"]
