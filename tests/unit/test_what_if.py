"""`what-if` says what Pacemaker's own scheduler would do, and changes nothing."""

from __future__ import annotations

import json
from collections.abc import Sequence
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from typer.testing import CliRunner

from cli import what_if
from cli.app import app
from core.errors import CommandError, HalabError
from core.folders import PROJECT
from inventory.model import Inventory, Machine
from machines.remote import Result
from parts.all import Parts
from parts.quorum.kinds import quorum
from parts.seen import LIMITED, Seen
from status import forecast as forecasting
from status.collect import Observer
from status.events import FORMS, parse_events, single_failures
from status.forecast import Forecast, Forecaster
from status.hypothesis import Hypothesis
from tests.unit.broken_lab import broken, silent
from tests.unit.healthy_lab import healthy
from tests.unit.planned_lab import planned
from tests.unit.scheduled import votes
from tests.unit.sketched import TRIO
from wire.corosync import QdeviceState
from wire.simulation import QUERY_COMMAND, SIMULATION_COMMAND, parse_simulation

FIXTURES = Path(__file__).parent / "fixtures" / "what-if"
PASSIVE = planned("active-passive", accelerated=True)
ACTIVE = planned("active-active", accelerated=True)

WEB = IPv4Address("10.30.0.100")


def captured(inventory: Inventory, name: str) -> str:
    return (FIXTURES / inventory.lab / f"{name}.xml").read_text()


class Node:
    """A node that answers what the real one said to these events, one after the other."""

    name = "node1"

    def __init__(self, inventory: Inventory, *events: str) -> None:
        names = ["now", *(event.replace(", ", "-").replace(" ", "-") for event in events)]
        self._inventory = inventory
        self._answers = [captured(inventory, name) for name in names]
        self.asked: list[tuple[str, str | None]] = []

    def __enter__(self) -> Node:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def run(self, command: str, *, check: bool = True, stdin: str | None = None) -> Result:
        self.asked.append((command, stdin))
        if stdin is None:
            return Result(captured(self._inventory, "cib"), "", 0)
        answer = self._answers.pop(0)
        status = 0 if '<status code="0"' in answer else 1
        if check and status:
            raise CommandError(command, status=status)
        return Result(answer, "", status)


def foretold(inventory: Inventory, event: str) -> Forecast:
    node: Any = Node(inventory, event)
    forecaster = Forecaster(inventory, node, votes(inventory))
    return forecaster.imagine(parse_events(inventory, [event]))


class TestActivePassive:
    def test_a_lost_node_is_fenced_and_everything_is_on_the_other(self) -> None:
        found = foretold(PASSIVE, "power-off node1")
        assert found.places.services == {"web": ("node2",)}
        assert found.places.addresses == {WEB: "node2"}
        assert (found.fenced, found.quorate, found.finished) == (("node1",), True, True)

    def test_nothing_moves_when_the_other_node_is_lost(self) -> None:
        found = foretold(PASSIVE, "power-off node2")
        assert (found.places.addresses, found.fenced) == ({WEB: "node1"}, ("node2",))

    def test_standby_fences_nobody(self) -> None:
        found = foretold(PASSIVE, "standby node1")
        assert (found.places.addresses, found.fenced) == ({WEB: "node2"}, ())

    def test_a_service_that_dies_starts_where_it_was(self) -> None:
        found = foretold(PASSIVE, "fail web")
        assert found.places.services == {"web": ("node1",)}
        assert found.restarted == {"web": ("node1",)}

    def test_a_ban_sends_it_away(self) -> None:
        assert foretold(PASSIVE, "ban web node1").places.services == {"web": ("node2",)}

    def test_without_the_device_one_node_is_not_enough(self) -> None:
        """The lost node is not fenced: what is said to run on it serves nobody."""
        found = foretold(PASSIVE, "power-off node1, power-off monitor")
        assert (found.quorate, found.fenced) == (False, ())
        assert found.places.services == {"web": ()}
        assert found.places.addresses == {WEB: None}


class TestActiveActive:
    def test_the_address_of_a_lost_node_alone_moves(self) -> None:
        found = foretold(ACTIVE, "power-off node2")
        assert found.places.services == {"web": ("node1", "node3")}
        nodes = list(found.places.addresses.values())
        assert nodes == ["node1", "node1", "node3"]

    def test_one_of_several_servers_starts_again(self) -> None:
        assert foretold(ACTIVE, "fail web node3").restarted == {"web": ("node3",)}

    def test_one_of_three_nodes_has_no_quorum_and_no_address(self) -> None:
        """Its web server waits for addresses of nodes that nobody may fence."""
        found = foretold(ACTIVE, "power-off node1, power-off node2")
        assert (found.quorate, found.finished) == (False, False)
        assert set(found.places.addresses.values()) == {None}
        assert found.places.services == {"web": ("node3",)}


def test_the_cluster_is_read_and_nothing_else() -> None:
    node: Any = Node(PASSIVE, "power-off node1")
    Forecaster(PASSIVE, node, votes(PASSIVE)).imagine(parse_events(PASSIVE, ["power-off node1"]))
    commands = [command for command, _ in node.asked]
    assert set(commands) == {f"{LIMITED} {QUERY_COMMAND}", f"{LIMITED} {SIMULATION_COMMAND}"}
    assert QUERY_COMMAND == "cibadmin --query"
    # What it may not have is an option that writes, or that speaks with the cluster.
    assert set(SIMULATION_COMMAND.split()[1:]) == {"--simulate", "--xml-pipe", "--output-as=xml"}


def test_an_answer_that_ends_early_is_an_error() -> None:
    whole = captured(PASSIVE, "power-off-node1")
    early = whole.partition("<revised_cluster_status>")[0] + "</pacemaker-result>"
    assert parse_simulation(whole) is not None
    assert (parse_simulation(early), parse_simulation("Killed")) == (None, None)
    node: Any = Node(PASSIVE)
    node._answers = [early]
    with pytest.raises(HalabError, match="crm_simulate on node1 does not say"):
        Forecaster(PASSIVE, node, None)


class TestVotes:
    """Two nodes with a device, or three nodes: one machine may be lost, and no second one."""

    @pytest.mark.parametrize(
        ("inventory", "lost", "quorate"),
        [
            (PASSIVE, {"node1"}, True),
            (PASSIVE, {"monitor"}, True),
            (PASSIVE, {"node1", "monitor"}, False),
            (PASSIVE, {"node1", "node2"}, False),
            (ACTIVE, {"node1"}, True),
            (ACTIVE, {"monitor"}, True),
            (ACTIVE, {"node1", "node2"}, False),
        ],
    )
    def test_who_may_go_on(self, inventory: Inventory, lost: set[str], quorate: bool) -> None:
        assert quorum(inventory).is_quorate(votes(inventory), lost=lost) is quorate

    def test_a_node_that_is_away_already_counts(self) -> None:
        view = votes(ACTIVE).replace(votes=2, members=frozenset({1, 2}))
        assert not quorum(ACTIVE).is_quorate(view, lost={"node1"})
        assert quorum(ACTIVE).is_quorate(view, lost={"node1"}, back={"node3"})

    def test_a_silent_device_has_no_vote(self) -> None:
        view = votes(PASSIVE).replace(votes=2, qdevice=QdeviceState.SILENT)
        assert not quorum(PASSIVE).is_quorate(view, lost={"node1"})


class TestHypothesis:
    """Each event stands in the copy as Pacemaker's daemons would write it."""

    def imagined(self, *words: str, inventory: Inventory = PASSIVE) -> ElementTree.Element:
        hypothesis = Hypothesis(captured(inventory, "cib"))
        found = parse_simulation(captured(inventory, "now"))
        assert found is not None
        for event in parse_events(inventory, words):
            event.apply(hypothesis, found.before)
        return ElementTree.fromstring(hypothesis.text())

    def state(self, cib: ElementTree.Element, node: str) -> ElementTree.Element:
        found = cib.find(f"status/node_state[@uname='{node}']")
        assert found is not None
        return found

    def test_a_lost_node_was_expected_to_stay(self) -> None:
        state = self.state(self.imagined("power-off node1"), "node1")
        assert [state.get(key) for key in ("in_ccm", "crmd", "join", "expected")] == [
            *("0", "0", "down"),
            "member",
        ]

    def test_a_node_comes_back_without_its_past(self) -> None:
        cib = self.imagined("power-off node1, standby node1, return node1")
        state = self.state(cib, "node1")
        assert (state.get("join"), len(state)) == ("member", 0)
        assert int(state.get("in_ccm", "0")) > 0
        [standby] = cib.iterfind("configuration/nodes/node[@uname='node1']//nvpair")
        assert (standby.get("name"), standby.get("value")) == ("standby", "off")

    def test_a_node_that_is_there_keeps_what_it_runs(self) -> None:
        assert len(self.state(self.imagined("return node1"), "node1")) > 0

    def test_a_failure_counts_beside_those_before(self) -> None:
        state = self.state(self.imagined("fail web, fail web"), "node1")
        [failed] = state.iterfind(".//lrm_rsc_op[@id='web_last_failure_0']")
        assert (failed.get("rc-code"), failed.get("operation")) == ("7", "monitor")
        assert failed.get("transition-magic", "").startswith("0:7;")
        calls = [
            int(each.get("call-id", "0")) for each in state.iterfind(".//lrm_resource[@id='web']/*")
        ]
        assert int(failed.get("call-id", "0")) == max(calls)
        [count] = state.iterfind(".//nvpair[@name='fail-count-web#monitor_10000']")
        assert count.get("value") == "2"

    def test_a_service_that_is_everywhere_fails_everywhere(self) -> None:
        cib = self.imagined("fail web", inventory=ACTIVE)
        assert len(cib.findall(".//lrm_rsc_op[@id='web_last_failure_0']")) == 3

    def test_nothing_fails_where_it_does_not_run(self) -> None:
        with pytest.raises(HalabError, match="web is not watched on node2"):
            self.imagined("fail web node2")

    def test_a_ban_is_of_all_that_goes_with_the_service(self) -> None:
        cib = self.imagined("ban web node2", inventory=ACTIVE)
        [ban] = cib.iterfind("configuration/constraints/rsc_location[@score='-INFINITY']")
        assert (ban.get("rsc"), ban.get("node")) == ("web-everywhere", "node2")


class TestCommand:
    """The command as a person types it, on a terminal of 80 columns without colour."""

    @pytest.fixture(autouse=True)
    def terminal(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("COLUMNS", "80")
        monkeypatch.setenv("NO_COLOR", "1")

    def ask(
        self,
        monkeypatch: pytest.MonkeyPatch,
        inventory: Inventory,
        words: Sequence[str],
        events: Sequence[str] = (),
        seen: Seen | None = None,
    ) -> str:
        """Type it in a lab whose nodes answer to these events; return what is printed."""

        def reach(machine: Machine) -> Node:
            assert machine.name == "node1"
            return Node(inventory, *events)

        monkeypatch.setattr(what_if, "existing_lab", lambda name: name)
        monkeypatch.setattr(what_if, "check_running", lambda _: None)
        monkeypatch.setattr(what_if, "load_inventory", lambda _: inventory)
        look = seen or healthy(Parts(inventory))
        monkeypatch.setattr(Observer, "look", lambda _: look)
        monkeypatch.setattr(forecasting, "Remote", reach)
        done = CliRunner().invoke(app, ["what-if", inventory.lab, *words])
        if done.exception is not None and not isinstance(done.exception, SystemExit):
            raise done.exception
        assert done.exit_code == 0, done.output
        return done.stdout

    def test_it_is_drawn_where_one_says(
        self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        path = tmp_path / "moves.svg"
        words = ["power-off", "node1", "--to", str(path)]
        assert str(path) in self.ask(monkeypatch, PASSIVE, words, ["power-off node1"])
        drawn = path.read_text()
        assert "power-off node1: web node2; 10.30.0.100 node2." in drawn
        assert ">fenced<" in drawn and ">comes here<" in drawn

    def test_what_is_no_picture_is_refused(self, monkeypatch: pytest.MonkeyPatch) -> None:
        with pytest.raises(HalabError, match="would hold no picture"):
            self.ask(monkeypatch, PASSIVE, ["power-off", "node1", "--to", "moves.png"])

    @pytest.mark.parametrize("inventory", [PASSIVE, ACTIVE], ids=lambda lab: lab.lab)
    def test_every_single_failure_has_a_row(
        self, monkeypatch: pytest.MonkeyPatch, inventory: Inventory
    ) -> None:
        events = [event.words for event in single_failures(inventory)]
        lines = self.ask(monkeypatch, inventory, ["--all"], events).splitlines()
        assert all(len(line) <= 80 for line in lines)
        for event in events:
            assert any(line.strip().startswith(event) for line in lines), event

    def test_an_event_shows_what_is_now_and_what_would_be(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        words = ["power-off", "node1"]
        shown = self.ask(monkeypatch, PASSIVE, words, ["power-off node1"])
        head, now, event = (" ".join(line.split()) for line in shown.splitlines())
        assert head == "event web addresses besides"
        assert now == "now node1 10.30.0.100 node1"
        assert event == "power-off node1 → node2 10.30.0.100 → node2 node1 fenced"

    def test_what_ends_is_nowhere(self, monkeypatch: pytest.MonkeyPatch) -> None:
        both = "power-off node1, power-off monitor"
        shown = " ".join(self.ask(monkeypatch, PASSIVE, [both], [both]).split())
        assert "→ nowhere → nowhere no quorum" in shown

    def test_programs_are_told_the_same(self, monkeypatch: pytest.MonkeyPatch) -> None:
        words = ["--json", "power-off", "node1"]
        told = json.loads(self.ask(monkeypatch, PASSIVE, words, ["power-off node1"]))
        assert told["now"] == {"services": {"web": ["node1"]}, "addresses": {str(WEB): "node1"}}
        manual = (PROJECT / "docs" / "json-schemas.md").read_text()
        _, _, section = manual.partition("## `./halab what-if LAB")
        assert told == json.loads(section.partition("```json\n")[2].partition("```")[0])
        [forecast] = told["forecasts"]
        assert forecast["event"] == "power-off node1"
        assert forecast["places"]["addresses"] == {str(WEB): "node2"}

    def test_without_an_event_it_says_what_can_be_asked(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        shown = self.ask(monkeypatch, ACTIVE, [])
        assert all(form.usage in shown for form in FORMS.values())
        assert "nodes: node1, node2, node3; services: web" in shown
        assert all(len(line) <= 80 for line in shown.splitlines())

    @pytest.mark.parametrize("option", [["--check"], ["--json"], ["--to", "moves.svg"]])
    @pytest.mark.parametrize("event", [[], [""]], ids=["no event", "an empty one"])
    def test_what_asks_about_an_event_needs_one(
        self, monkeypatch: pytest.MonkeyPatch, option: list[str], event: list[str]
    ) -> None:
        monkeypatch.setattr(what_if, "existing_lab", lambda name: name)
        monkeypatch.setattr(what_if, "check_running", lambda _: None)
        monkeypatch.setattr(what_if, "load_inventory", lambda _: PASSIVE)
        done = CliRunner().invoke(app, ["what-if", PASSIVE.lab, *event, *option])
        assert (done.exit_code, done.stdout) == (2, "")
        assert "no event is asked about: say one, or --all" in done.stderr

    def test_a_lab_in_which_nobody_answers(self, monkeypatch: pytest.MonkeyPatch) -> None:
        mute = silent("node1", seen=silent("node2", seen=healthy(Parts(PASSIVE))))
        with pytest.raises(HalabError, match="no node of lab 'active-passive' can be asked"):
            self.ask(monkeypatch, PASSIVE, ["power-off node1"], seen=mute)

    def test_a_lab_whose_cluster_does_not_run(self, monkeypatch: pytest.MonkeyPatch) -> None:
        still = healthy(Parts(PASSIVE))
        for node in ("node1", "node2"):
            still = broken(node, seen=still, cluster=None)
        with pytest.raises(HalabError, match="none answers with a running cluster"):
            self.ask(monkeypatch, PASSIVE, ["power-off node1"], seen=still)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("explode node1", "nothing that can happen is called 'explode'"),
        ("power-off", "'power-off' is not a whole event: power-off NODE is"),
        ("power-off node1 power-off node2", "a comma stands between events"),
        ("power-off node9", "lab 'trio' has no node 'node9'"),
        ("standby monitor", "lab 'trio' has no node 'monitor'"),
        ("fail mail", "lab 'trio' has no service 'mail'"),
        ("ban web", "'ban web' is not a whole event: ban SERVICE NODE is"),
    ],
)
def test_a_wrong_event_is_answered_with_the_right_words(words: str, said: str) -> None:
    with pytest.raises(HalabError) as caught:
        parse_events(TRIO.inventory, [words])
    assert said in str(caught.value)
    for known in ("fail SERVICE [NODE]", "nodes: node1, node2, node3", "services: web"):
        assert known in str(caught.value)
