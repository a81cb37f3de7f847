"""A client outside: at which addresses it asks, and on whose answers it waits before it counts."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any, cast

import pytest

from core.wait import WaitTimeout
from drills import probes
from drills.site import Site
from machines.remote import Result
from tests.unit.sketched import TRIO
from updates.outage import using

FIRST, SECOND, THIRD = (str(each.ip) for each in TRIO.first_service.service.addresses)
SITE = cast(Site, SimpleNamespace(parts=TRIO, inventory=TRIO.inventory))


class Monitor:
    """A machine whose client is answered at these addresses; it keeps what it was told to run."""

    def __init__(self, *answering: str) -> None:
        self.answering = answering
        self.commands: list[str] = []

    def run(self, command: str, **_: object) -> Result:
        self.commands.append(command)
        log = "" if command.startswith("systemd-run") else "\n".join(self._lines()) + "\n"
        return Result(log, "", 0)

    def _lines(self) -> Iterator[str]:
        for address in self.answering:
            times = {"begun": 1.0, "ended": 1.1, "wall": 1.1}
            probe = {"kind": "probe", "address": address, "ok": True, "error": "", **times}
            yield json.dumps(probe)
            yield json.dumps({"kind": "arp", "address": address, "hardware": ["02:00"], "wall": 1})

    @property
    def asked(self) -> set[str]:
        """The addresses at which its client asks."""
        [start] = [each for each in self.commands if each.startswith("systemd-run")]
        return {each for each in (FIRST, SECOND, THIRD) if f"http://{each}/" in start}


@pytest.fixture
def monitor(monkeypatch: pytest.MonkeyPatch) -> Monitor:
    made = Monitor(FIRST, SECOND)

    @contextmanager
    def remote(_: object) -> Iterator[Any]:
        yield made

    monkeypatch.setattr(probes, "Remote", remote)
    monkeypatch.setattr(probes, "ensure_files", lambda *_: None)
    now = [0.0]
    monkeypatch.setattr("core.wait.time.monotonic", lambda: now[0])
    monkeypatch.setattr("core.wait.time.sleep", lambda s: now.__setitem__(0, now[0] + s))
    return made


def test_a_client_asks_at_all_addresses_and_begins_when_it_was_answered_at_each(
    monitor: Monitor,
) -> None:
    with pytest.raises(WaitTimeout, match="service answers the client outside"), using(SITE, print):
        pass
    assert monitor.asked == {FIRST, SECOND, THIRD}
    monitor.commands.clear()
    monitor.answering = (FIRST, SECOND, THIRD)
    with using(SITE, print):
        assert monitor.asked == {FIRST, SECOND, THIRD}


def test_where_only_some_addresses_count_nobody_waits_for_the_others(monitor: Monitor) -> None:
    with using(SITE, print, only={FIRST, SECOND}):
        assert monitor.asked == {FIRST, SECOND}


def test_a_service_of_which_no_address_counts_has_no_client(monitor: Monitor) -> None:
    with using(SITE, print, only=()):
        assert monitor.commands == []
