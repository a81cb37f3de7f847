"""A lab and a node of paper, on which everything is noted that an update does."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any, cast

import pytest

from core.errors import CommandError, HalabError
from core.wait import WaitTimeout
from drills.site import Nobody, Site
from inventory.model import Machine
from machines.remote import Remote, RemoteUnreachable, Result
from parts.seen import Seen
from status.collect import describe
from status.model import LabStatus
from tests.unit.broken_lab import seen_by_cluster, view_of
from tests.unit.healthy_lab import HEALTHY, INVENTORY, PARTS
from updates import rolling, worker
from updates.apt import Change
from updates.note import Note
from updates.outage import Account
from updates.planning import Turn
from updates.rolling import Rolling
from updates.worker import Wanted

AGENTS = Change(name="resource-agents", old="1", new="2")
NOTE = Note(changes=(AGENTS,))
FIRST, SECOND = Turn("node1", NOTE), Turn("node2", NOTE)


def status_of(seen: Seen) -> LabStatus:
    return describe(PARTS, seen, None)


def gone_to_standby() -> Seen:
    """Return the lab whose second node, at which nothing was served, is in standby."""
    view = view_of(HEALTHY)
    members = tuple(
        member.replace(standby=True) if member.name == "node2" else member
        for member in view.members
    )
    instances = tuple(
        one.replace(node=None, active=False) if one.node == "node2" else one
        for one in view.instances
    )
    return seen_by_cluster(members=members, instances=instances)


@dataclass
class Lab:
    """A lab on which everything is noted; a gate whose name is in `shut` does not open.

    Its nodes run one kernel, Debian's link names one, and they boot into one.
    """

    done: list[str] = field(default_factory=list)
    shut: set[str] = field(default_factory=set)
    boots: int = 0
    runs: str = "6.12"
    named: str = "6.12"
    boots_into: str = "6.12"
    whole: bool = True
    lost: bool = False
    silent: bool = False

    def account(self, _: object) -> Account:
        if self.lost:
            raise HalabError("the monitor has booted, and its log is gone")
        return Account((), {})

    def remote(self, machine: Machine) -> Any:
        return PaperRemote(self, machine.name)

    def gate(self, name: str) -> None:
        self.done.append(name)
        if name in self.shut:
            raise WaitTimeout(f"{name}: not reached", hint="look closer")

    def gates(self, *_: object) -> Any:
        def healthy(_: object = None) -> LabStatus:
            self.gate("healthy")
            return status_of(HEALTHY)

        return SimpleNamespace(
            healthy=healthy,
            left=lambda node, *_: self.gate(f"{node} left"),
            empty=lambda node: self.gate(f"{node} empty"),
            member=lambda node: self.gate(f"{node} member"),
            online=lambda node: self.gate(f"{node} online"),
        )

    def __getattr__(self, name: str) -> Any:
        def noted(remote: PaperRemote, note: Note | None = None, *_: object) -> None:
            words = {True: " finished", False: " begun"}[note.finished] if note else ""
            self.done.append(f"{remote.name} {name}{words if name == 'write_note' else ''}")

        return noted

    @contextmanager
    def using(self, *_: object) -> Iterator[Any]:
        if self.silent:
            raise WaitTimeout("the service answers the client outside: not reached")
        self.done.append("clients begin")
        yield SimpleNamespace(account=self.account)
        self.done.append("clients end")


@dataclass
class PaperRemote:
    lab: Lab
    name: str

    def __enter__(self) -> PaperRemote:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def close(self) -> None:
        pass

    def run(self, command: str, **_: object) -> Result:
        if "boot_id" in command:
            self.lab.boots += 1
            if self.lab.boots == 2:
                raise RemoteUnreachable("it boots")
            return Result(f"boot {self.lab.boots}\n", "", 0)
        if command == "uname -r":
            return Result(f"{self.lab.boots_into if self.lab.boots else self.lab.runs}\n", "", 0)
        if "readlink /vmlinuz" in command:
            return Result(f"boot/vmlinuz-{self.lab.named}\n", "", 0)
        if command.startswith("test -d"):
            return Result("", "", 0 if self.lab.whole else 1)
        if command.startswith("crm_resource --wait"):
            assert self.lab.done[-1].startswith(f"{self.name}: crm_standby")
            return Result("", "", 124)
        self.lab.done.append(f"{self.name}: {' + '.join(command.splitlines())}")
        return Result("", "", 0)


def put_up(monkeypatch: pytest.MonkeyPatch) -> Lab:
    """Return the lab, in the place of everything that an update would ask."""
    made = Lab()
    monkeypatch.setattr(rolling, "Remote", made.remote)
    monkeypatch.setattr(rolling, "Gates", made.gates)
    monkeypatch.setattr(rolling, "using", made.using)
    monkeypatch.setattr(rolling, "LabClock", lambda _: SimpleNamespace(now=lambda: 0.0))
    monkeypatch.setattr(rolling, "collect", lambda _: status_of(HEALTHY))
    for name in ("write_note", "keep", "fetch", "install", "forget"):
        monkeypatch.setattr(worker, name, getattr(made, name))
    return made


def update(lab: Lab, *turns: Turn) -> Rolling:
    site = cast(Site, SimpleNamespace(inventory=INVENTORY, parts=PARTS))
    made = Rolling(site, Wanted(), Nobody())
    made.run(turns)
    return made


@dataclass
class Node:
    """A node of paper: it answers by the first word of `says` that is in a command."""

    says: Mapping[str, str | int]
    name: str = "node1"
    told: list[str] = field(default_factory=list)
    files: dict[str, bytes] = field(default_factory=dict)

    def run(self, command: str, *, check: bool = True, **_: Any) -> Result:
        self.told.append(command)
        answer = next((said for word, said in self.says.items() if word in command), "")
        if isinstance(answer, str):
            return Result(answer, "", 0)
        if check:
            raise CommandError(command, status=answer, stderr="E: no", host=self.name)
        return Result("", "", answer)

    @property
    def remote(self) -> Remote:
        return cast(Remote, self)

    def place(self, words: str) -> int:
        """Return when it was told something."""
        return next(place for place, command in enumerate(self.told) if words in command)
