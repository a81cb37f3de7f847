"""`what-if --check` brings about what was foretold, and looks where everything is."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext
from typing import Any

import pytest
from typer.testing import CliRunner

from cli import what_if
from cli.app import app
from core.errors import HalabError
from drills.junit import Case
from drills.schedule import Turn
from machines.remote import Result
from parts.all import Parts
from status import forecast as forecasting
from status.collect import Observer
from status.events import single_failures
from tests.unit.healthy_lab import healthy
from tests.unit.test_what_if import PASSIVE, Node


class TestRested:
    def test_places_are_read_when_the_cluster_has_nothing_left_to_do(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        class Resting(Node):
            def run(self, command: str, **words: Any) -> Result:
                if command.startswith("crm_resource"):
                    self.asked.append((command, None))
                    # It gives up, as it does in a cluster that cannot finish.
                    assert words["check"] is False and words["timeout"] > 60
                    return Result("", "pending", 62)
                return super().run(command, **{k: v for k, v in words.items() if k != "timeout"})

        node: Any = Resting(PASSIVE)
        monkeypatch.setattr(Observer, "look", lambda _: healthy(Parts(PASSIVE)))
        monkeypatch.setattr(forecasting, "Remote", lambda _: node)
        places = forecasting.rested_places(PASSIVE, 60)
        assert places.services == {"web": ("node1",)}
        assert node.asked[0][0] == "crm_resource --wait --timeout=60s"


class TestCheck:
    """`--check` has each event done by a drill, and tells of those that none is."""

    @pytest.fixture
    def done(self, monkeypatch: pytest.MonkeyPatch) -> list[str]:
        made: list[str] = []

        class Site:
            inventory, parts = PASSIVE, Parts(PASSIVE)

            @classmethod
            def of(cls, _: object) -> Site:
                return cls()

        def series(_: object, turns: Sequence[Turn], *__: object) -> list[Case]:
            made.extend(f"{turn.drill.name} at {turn.target}" for turn in turns)
            assert all(turn.event for turn in turns)
            return [Case(turn.drill.name, 1.0, None, "not run here") for turn in turns]

        monkeypatch.setattr(what_if, "existing_lab", lambda name: name)
        monkeypatch.setattr(what_if, "check_running", lambda _: None)
        monkeypatch.setattr(what_if, "load_inventory", lambda _: PASSIVE)
        monkeypatch.setattr(what_if, "Site", Site)
        monkeypatch.setattr(what_if, "locked", lambda _: nullcontext())
        monkeypatch.setattr(what_if, "run_series", series)
        return made

    def ask(self, *words: str) -> Any:
        return CliRunner().invoke(app, ["what-if", "active-passive", *words, "--check"])

    def test_one_event(self, done: list[str]) -> None:
        told = self.ask("standby", "node2")
        assert done == ["standby at node2"]
        assert told.exit_code == 3

    def test_all_of_them_but_what_no_drill_does(self, done: list[str]) -> None:
        told = self.ask("--all")
        assert len(done) == len(single_failures(PASSIVE)) - 1
        assert "power-off monitor: no drill is just that" in told.stdout

    def test_what_cannot_be_checked_is_refused(self, done: list[str]) -> None:
        told = self.ask("return", "node1")
        assert isinstance(told.exception, HalabError)
        assert not done

    def test_there_is_no_json_of_it(self, done: list[str]) -> None:
        assert self.ask("standby", "node2", "--json").exit_code == 2
