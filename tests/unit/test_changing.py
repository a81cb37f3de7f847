"""A lab that exists and a definition that changed: what is refused, asked, and in which order."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest
import typer

from cli import changing, turns
from cli.needs import needs_of, needs_of_change
from cli.progress import Progress
from cli.turns import in_order
from core.errors import HalabError
from core.folders import LabFolder
from core.wait import WaitTimeout
from hypervisor.disks import data_disk_mib, grow_data_disk
from hypervisor.doctor import Needs
from hypervisor.objects import Virsh
from infra.engine import Engine
from infra.impact import Impact
from inventory.model import Machine
from inventory.record import LabRecord, save
from labs.changes import Change
from labs.checking import check
from labs.model import Lab
from tests.unit import provisioned_lab
from tests.unit.aws_labs import aws_lab

LOSS = Impact(lost=("volume node1-data would be replaced",))


def lab(**nodes: object) -> Lab:
    return check("my.toml", {"version": 1, "name": "demo", "nodes": nodes}, Lab)


def test_a_running_lab_needs_what_it_takes_more() -> None:
    everybody = ("node1", "node2", "monitor")

    needs = needs_of_change(lab(), lab(memory_mib=1536, data_disk_mib=768), everybody)

    assert needs is not None
    assert needs.memory_mib == 2 * 512
    assert needs.disk_mib == 2 * (512 + 256)


def test_a_lab_that_stands_still_needs_all_of_its_memory_again() -> None:
    needs = needs_of_change(lab(), lab(), ())

    assert needs is not None
    assert needs.memory_mib == needs_of(lab()).memory_mib
    assert needs.disk_mib == 0


def test_a_lab_that_is_there_needs_no_image() -> None:
    needs = needs_of_change(lab(), lab(), ())
    assert needs is not None and needs.images == ()


def test_a_rehearsal_takes_of_this_machine_what_its_guests_get_here() -> None:
    alone, more = (aws_lab(name, endpoint="rehearsal") for name in ("two-node", "ring"))

    needs = needs_of(alone)

    assert needs.memory_mib == 3 * (1280 + 150)
    assert (needs.cores, [recipe.name for recipe in needs.images]) == (3, ["plain"])
    # A volume has whole GiB.
    assert needs_of(more).disk_mib - needs.disk_mib == 1024 * (6 - 2)


def test_a_rehearsed_disk_that_nodes_share_is_the_smallest_that_aws_has() -> None:
    shared = needs_of(aws_lab("shared-disk", endpoint="rehearsal")).disk_mib
    plain = needs_of(aws_lab("active-active", endpoint="rehearsal")).disk_mib
    assert shared - plain == 4096


def test_a_lab_on_aws_takes_nothing_of_this_machine() -> None:
    assert needs_of(aws_lab("ring")) == Needs(0, 0, 0, ())
    assert needs_of_change(aws_lab("two-node"), aws_lab("two-node"), ()) is None


@pytest.mark.parametrize("memory_mib", [1024, 768])
def test_a_running_lab_that_stays_or_shrinks_needs_nothing(memory_mib: int) -> None:
    running = ("node1", "node2", "monitor")
    assert needs_of_change(lab(), lab(memory_mib=memory_mib), running) is None


def test_nobody_is_asked_where_nothing_is_lost() -> None:
    changing.ask(lab(), Impact(in_turn={"node1": ("urn",)}), yes=False)


def test_off_a_terminal_data_are_never_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(changing, "sys", terminal(False))

    with pytest.raises(HalabError, match="nothing was changed") as caught:
        changing.ask(lab(), LOSS, yes=False)
    assert "--yes" in str(caught.value.hint)
    assert "node1-data" in str(caught.value.detail)


@pytest.mark.parametrize("answer", [True, False])
def test_on_a_terminal_a_person_decides(monkeypatch: pytest.MonkeyPatch, answer: bool) -> None:
    monkeypatch.setattr(changing, "sys", terminal(True))
    monkeypatch.setattr(typer, "confirm", lambda *_, **__: answer)

    if answer:
        changing.ask(lab(), LOSS, yes=False)
    else:
        with pytest.raises(HalabError, match="stays as it is"):
            changing.ask(lab(), LOSS, yes=False)


def test_who_said_yes_is_not_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(typer, "confirm", lambda *_, **__: pytest.fail("asked"))
    changing.ask(lab(), LOSS, yes=True)


def terminal(there: bool) -> SimpleNamespace:
    stream = SimpleNamespace(isatty=lambda: there)
    return SimpleNamespace(stdin=stream, stderr=stream)


@pytest.mark.parametrize("active", ["node1", "node2"])
def test_the_node_that_serves_is_shut_down_last(active: str) -> None:
    everybody = ["node1", "node2", "monitor"]

    order = in_order(provisioned_lab.inventory(), everybody, {active})

    assert order[0] == "monitor"
    assert order[-1] == active
    assert sorted(order) == sorted(everybody)


def test_only_machines_that_change_are_shut_down() -> None:
    assert in_order(provisioned_lab.inventory(), ["node2"], {"node2"}) == ["node2"]


@dataclass
class Turns:
    """What happens to a lab whose machines take turns, in order."""

    events: list[str] = field(default_factory=list)
    healthy: bool = True

    def wait_healthy(self, *_: object, **__: object) -> SimpleNamespace:
        if not self.healthy:
            raise WaitTimeout("lab demo healthy: not reached")
        self.events.append("healthy")
        return SimpleNamespace(services=(SimpleNamespace(nodes=("node1",)),))

    def shut_down(self, machine: Machine, *_: object) -> None:
        self.events.append(f"{machine.name} off")

    def up(self, _: object, only: Collection[str]) -> None:
        self.events.append(f"made {' '.join(only)}")


@pytest.fixture
def turns_of_lab(monkeypatch: pytest.MonkeyPatch) -> Turns:
    happened, lab_inventory = Turns(), provisioned_lab.inventory()
    monkeypatch.setattr(turns, "load_inventory", lambda _: lab_inventory)
    monkeypatch.setattr(turns, "wait_healthy", happened.wait_healthy)
    monkeypatch.setattr(turns, "shut_down", happened.shut_down)
    monkeypatch.setattr(turns, "_with_host_key", lambda inventory, *_: inventory)
    return happened


PARTS = {"node1": ("one",), "node2": ("two",), "monitor": ("three",)}

POWER = turns.Power(dict, "off")


def test_each_machine_is_back_before_the_next_one_goes(
    turns_of_lab: Turns, tmp_path: Path, record: LabRecord
) -> None:
    engine = cast(Engine, turns_of_lab)
    turns.restart_in_turn(LabFolder(tmp_path), record, engine, PARTS, POWER, lambda _: None)

    assert turns_of_lab.events == [
        "healthy",
        *("monitor off", "made three", "healthy"),
        *("node2 off", "made two", "healthy"),
        *("node1 off", "made one", "healthy"),
    ]


def test_no_machine_goes_while_the_lab_is_not_healthy(
    turns_of_lab: Turns, tmp_path: Path, record: LabRecord
) -> None:
    turns_of_lab.healthy = False

    with pytest.raises(WaitTimeout):
        engine = cast(Engine, turns_of_lab)
        turns.restart_in_turn(LabFolder(tmp_path), record, engine, PARTS, POWER, lambda _: None)
    assert turns_of_lab.events == []


@dataclass(frozen=True)
class Disks(Virsh):
    """Answers like virsh about machines whose data disks have these sizes, running or not."""

    uri: str = "fake"
    sizes: dict[str, int] = field(default_factory=lambda: {"node1": 512, "node2": 512})

    def __call__(self, *words: str, check: bool = True, timeout: float = 60) -> str:
        match words:
            case ("list", *_):
                return "".join(f"{name}\n" for name in (*self.sizes, "monitor"))
            case ("domblklist", "monitor"):
                return " vda   4f0b1c9e-monitor-root.qcow2\n\n"
            case ("domblklist", name):
                return (
                    f" vda   4f0b1c9e-{name}-root.qcow2\n vdb   4f0b1c9e-{name}-data.qcow2\n"
                    " vdc   4f0b1c9e-sbd.raw\n\n"
                )
            case ("vol-info", "--bytes", "--pool", "pool", volume):
                size = self.sizes[volume.split("-")[1]] << 20
                return f"Name:  {volume}\nType:  file\nCapacity:  {size} bytes\nAllocation: 1\n"
            case ("blockresize", name, "vdb", size):
                self.sizes[name] = int(size.removesuffix("MiB"))
                return ""
        raise AssertionError(words)


def test_a_disk_grows_once_and_never_shrinks() -> None:
    virsh = Disks()

    assert grow_data_disk(virsh, "pool", "node1", "data", 1024)
    assert virsh.sizes == {"node1": 1024, "node2": 512}
    assert not grow_data_disk(virsh, "pool", "node1", "data", 1024)
    assert not grow_data_disk(virsh, "pool", "node1", "data", 256)
    assert not grow_data_disk(virsh, "pool", "monitor", "data", 1024)
    assert not grow_data_disk(virsh, "pool", "node1", "other", 1024)
    assert data_disk_mib(virsh, "pool", "node1", "data") == 1024
    assert data_disk_mib(virsh, "pool", "node1", "other") is None


def test_a_growth_that_was_begun_cannot_be_taken_back(
    monkeypatch: pytest.MonkeyPatch, record: LabRecord
) -> None:
    monkeypatch.setattr(changing, "Virsh", lambda _: Disks(sizes={"node1": 1024, "node2": 512}))

    changing.check_disks(lab(data_disk_mib=1024), record)
    with pytest.raises(HalabError, match="cannot shrink") as caught:
        changing.check_disks(lab(data_disk_mib=512), record)
    assert "data_disk_mib = 1024" in str(caught.value.hint)


def checked(wanted: Lab, folder: LabFolder, record: LabRecord) -> tuple[Change, ...]:
    """Compare as `up` does: with what the lab was brought to."""
    return changing.check(changing.brought_to(wanted, folder), wanted, folder, record)


def test_what_the_lab_was_brought_to_counts_and_not_what_was_begun(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, record: LabRecord
) -> None:
    monkeypatch.setattr(changing, "running_machines", lambda *_: frozenset(record.domains))
    folder = LabFolder(tmp_path)
    folder.definition.write_text(text(memory_mib=1280))

    def keys() -> list[str]:
        return [change.key for change in checked(lab(memory_mib=1280), folder, record)]

    assert keys() == []
    folder.applied.write_text(text(memory_mib=1024))
    assert keys() == ["nodes.memory_mib"]


def test_a_renamed_machine_is_refused_before_anything_happens(
    tmp_path: Path, record: LabRecord
) -> None:
    folder = LabFolder(tmp_path)
    folder.applied.write_text('version = 1\nname = "demo"\n[nodes]\nnames = ["oslo", "bergen"]\n')

    with pytest.raises(HalabError, match="nothing was changed") as caught:
        checked(lab(names=["oslo", "tromso"]), folder, record)
    assert "cannot be renamed" in str(caught.value.detail)


def with_nodes(*names: str) -> Lab:
    tables = {
        "nodes": {"names": list(names)},
        "services": {"web": {"kind": "nginx", "runs": "everywhere"}},
        "monitoring": False,
    }
    return check("my.toml", {"version": 1, "name": "demo", **tables}, Lab)


@pytest.mark.parametrize(
    "names", [("node1", "node2"), ("node1", "node2", "node3"), ("node1", "node2", "node3", "node4")]
)
def test_machines_of_an_interrupted_run_may_come_and_go(
    tmp_path: Path, record: LabRecord, monkeypatch: pytest.MonkeyPatch, names: tuple[str, ...]
) -> None:
    """Nothing tells what the lab was before; the machines are those of three nodes."""
    monkeypatch.setattr(changing, "running_machines", lambda *_: frozenset(names))
    standing = record.of_machines(("node1", "node2", "node3", "monitor"))

    assert checked(with_nodes(*names), LabFolder(tmp_path), standing) == ()


@pytest.mark.parametrize("names", [("node1", "node3"), ("node2", "node1", "node3")])
def test_machines_that_are_called_otherwise_are_refused_where_nothing_else_tells(
    tmp_path: Path, record: LabRecord, names: tuple[str, ...]
) -> None:
    with pytest.raises(HalabError, match="cannot be renamed"):
        checked(with_nodes(*names), LabFolder(tmp_path), record)


def test_a_lab_whose_machines_had_other_numbers_is_refused(
    tmp_path: Path, record: LabRecord
) -> None:
    folder, built = LabFolder(tmp_path), provisioned_lab.inventory()
    numbers = {"node1": 2, "node2": 1}
    turned = [node.model_copy(update={"number": numbers[node.name]}) for node in built.nodes]
    save(folder.inventory, built.model_copy(update={"machines": (*turned, built.monitor)}))

    with pytest.raises(HalabError, match=r"node1 has number 2 .* would have 1 by") as caught:
        checked(lab(), folder, record)
    assert "./halab down demo" in str(caught.value.hint)


def test_a_node_that_only_an_interrupted_run_made_is_told_of() -> None:
    said: list[str] = []
    progress = cast(Progress, SimpleNamespace(note=said.append))

    changing.tell((), Impact(leaving=("node4",)), progress)

    assert said == ["node4 leaves: the lab's definition does not know it"]


def test_more_memory_than_there_is_is_refused(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, record: LabRecord
) -> None:
    monkeypatch.setattr(changing, "running_machines", lambda *_: frozenset(record.domains))
    folder = LabFolder(tmp_path)
    folder.applied.write_text(text(memory_mib=1024))

    with pytest.raises(HalabError, match="cannot run the lab") as caught:
        checked(lab(memory_mib=1048576), folder, record)
    assert "MiB more" in str(caught.value.detail)


def text(*, memory_mib: int) -> str:
    return f'version = 1\nname = "demo"\n[nodes]\nmemory_mib = {memory_mib}\n'


@pytest.fixture
def record(tmp_path: Path) -> LabRecord:
    return LabRecord(
        source="my.toml",
        uri="fake",
        private=True,
        mark="6b7a1c1e-2f0d-4d53-9d7e-3c2b6a9f0e11",
        accelerated=False,
        proxy_command=None,
        prefix="",
        pool=tmp_path,
        boot={},
        domains={name: name for name in ("node1", "node2", "monitor")},
    )
