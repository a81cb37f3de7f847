"""A warm start: a lab comes back as it was built, and no key to it from before is of any use."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import cast

import pytest

from cli import warming
from cli.building import Prepared
from cli.progress import Progress
from cli.warming import begin_again, find_kept, keep, start_warm
from core.errors import CommandError, HalabError
from hypervisor import warm_start
from hypervisor.kept_labs import KeptLab, KeptLabs
from hypervisor.snapshots import Shelf
from infra.host_keys import ensure_host_key, volume_of
from infra.keeping import kept_in
from infra.rekeying import blob
from inventory.record import LabRecord, load_inventory
from parts.secrets import load_secrets
from status.model import LabStatus
from tests.unit.snapshot_scene import NAMES
from tests.unit.test_host_keys import keygen
from tests.unit.warming_scene import (
    BASE,
    HEALTHY,
    MARK,
    Place,
    Pulumi,
    make_place,
    public_of,
    refuse,
    step,
)

pytestmark = keygen


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    return make_place(tmp_path, monkeypatch)


@pytest.fixture
def kept(place: Place) -> KeptLab:
    """A lab that was built, kept and taken away."""
    prepared = place.prepared()
    place.build(prepared)
    keep(prepared, Progress())
    place.take_away()
    [one] = KeptLabs().all()
    return one


def test_what_is_kept_takes_no_space_beside_the_lab_and_has_no_host_key(place: Place) -> None:
    prepared = place.prepared()
    place.build(prepared)

    keep(prepared, Progress())

    folder = KeptLabs().path("active-passive")
    assert (folder / "pool" / BASE).samefile(prepared.record.pool / BASE)
    memory = Shelf(prepared.folder).path("up") / "node1.memory"
    assert (folder / "snapshot" / "node1.memory").samefile(memory)
    assert [path.name for path in (folder / "pool").iterdir()] == [BASE]
    assert folder.parent.stat().st_mode & 0o077 == 0


def test_a_lab_comes_back_as_it_was_with_keys_of_its_own(place: Place, kept: KeptLab) -> None:
    prepared = place.prepared()
    assert find_kept(prepared, Progress()) == kept
    old = KeptLabs().path(kept.name)
    old_blob = blob((old / "id_ed25519.pub").read_text())
    new_blob = blob(public_of(prepared.folder))

    found = start_warm(prepared, kept, step)

    assert found.status is HEALTHY
    folder, daemon = prepared.folder, place.libvirt.daemon
    assert set(daemon.states.values()) == {"running"}
    assert set(daemon.memory.values()) == {"1"}
    # What each machine is described by, now and at its next start, knows the new keys alone.
    inventory = load_inventory(folder)
    for name in NAMES:
        volume = volume_of(MARK, name, ensure_host_key(folder, name))
        for text in (f"uuid-{name}", f"loaded {name}"):
            described = place.libvirt.described[text]
            assert new_blob in described and old_blob not in described
            assert volume in described
        key = (folder.pool / volume).read_text()
        assert key == (folder.host_keys / name).read_text()
    # The machines are reached by the former keys until they have the new ones.
    assert {remote.name for remote, *_ in place.renewed} == set(NAMES)
    for remote, authorized, host_key in place.renewed:
        machine = remote.machine
        assert machine.ssh.key_file == old / "id_ed25519"
        assert machine.ssh.host_key != inventory.machine(machine.name).ssh.host_key
        assert blob(authorized) == new_blob
        assert host_key == (folder.host_keys / machine.name).read_text()
    assert place.did == ["passwords"]
    # `up` goes on with the connections that these opened, and logs in with the new keys afterwards.
    given = {(former.name, former) for former, *_ in place.renewed}
    assert {(one.name, former) for one, former in place.taken_over} == given
    assert {one for one, _ in place.taken_over} == {*found.observer.remotes}
    reached = {remote.name: remote.machine for remote in found.observer.remotes}
    assert reached == {machine.name: machine for machine in inventory.machines}
    assert not folder.warming.exists()
    assert folder.applied.read_bytes() == folder.definition.read_bytes()
    assert Shelf(folder).all() == []


def test_others_may_remove_what_they_keep_while_its_health_is_waited_for(
    place: Place, kept: KeptLab, monkeypatch: pytest.MonkeyPatch
) -> None:
    order: list[str] = []
    used = KeptLabs.used

    @contextmanager
    def noted(self: KeptLabs, name: str) -> Iterator[Path]:
        with used(self, name) as source:
            yield source
        order.append("free again")

    def wait_healthy(*_: object, **__: object) -> LabStatus:
        order.append("waited")
        return HEALTHY

    monkeypatch.setattr(KeptLabs, "used", noted)
    monkeypatch.setattr(warming, "wait_healthy", wait_healthy)
    start_warm(place.prepared(), kept, step)
    assert order == ["free again", "waited"]


def test_pulumi_keeps_what_the_lab_has_now(place: Place, kept: KeptLab) -> None:
    prepared = place.prepared()

    start_warm(prepared, kept, step)

    adopted = cast("Pulumi", prepared.engine).adopted
    assert adopted is not None
    held, folder = kept_in(adopted.deployment), prepared.folder
    for name in ("inventory", "secrets"):
        file = folder.path / f"{name}.json"
        assert json.loads(held[file.name]) == json.loads(file.read_text())
    assert held["ssh/id_ed25519"] == folder.ssh_key.read_text()
    former = load_secrets(KeptLabs().path(kept.name) / "secrets.json")
    assert former.zabbix_admin_password not in json.dumps(adopted.deployment)
    assert load_secrets(folder.secrets).corosync_authkey == former.corosync_authkey


def test_it_comes_back_again_and_again_each_time_with_other_keys(
    place: Place, kept: KeptLab
) -> None:
    keys = set()
    for _ in range(2):
        prepared = place.prepared()
        start_warm(prepared, kept, step)
        keys.add(blob(public_of(prepared.folder)))
        keys.add(load_secrets(prepared.folder.secrets).zabbix_admin_password)
        # Whatever the lab does to its disks is no matter to what is kept.
        place.libvirt.daemon.age()
        place.take_away()
        assert KeptLabs().find(kept.name) == kept
    assert len(keys) == 4


def test_only_a_lab_of_the_same_is_started_from(
    place: Place, kept: KeptLab, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    prepared = place.prepared()
    assert find_kept(replace(prepared, new=False), Progress()) is None
    shared = prepared.record.model_copy(update={"private": False})
    assert find_kept(replace(prepared, record=shared), Progress()) is None

    monkeypatch.setattr(warm_start, "facts_of_halab", lambda: {"halab": "newer"})
    larger = prepared.lab.model_copy(update={"description": "another"})
    assert find_kept(replace(prepared, lab=larger), Progress()) is None
    assert "before this changed: the definition, halab" in " ".join(capfd.readouterr().err.split())
    assert KeptLabs().find(kept.name) is not None


def no_memory(place: Place, _: Prepared[LabRecord], monkeypatch: pytest.MonkeyPatch) -> None:
    place.libvirt.daemon.unreadable = True


def no_state(_: Place, prepared: Prepared[LabRecord], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(prepared.engine, "adopt", refuse)


def no_keys(_: Place, __: Prepared[LabRecord], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(warming, "renew_keys", refuse)


def no_passwords(_: Place, __: Prepared[LabRecord], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(warming, "set_passwords", refuse)


def no_health(_: Place, __: Prepared[LabRecord], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(warming, "wait_healthy", refuse)


def no_room(_: Place, __: Prepared[LabRecord], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(warm_start, "copy", full)


def kept_anew(_: Place, prepared: Prepared[LabRecord], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(KeptLabs, "find", lambda *_: None)


def full(*_: object) -> None:
    raise CommandError("cp", status=1, stderr="No space left on device")


@pytest.mark.parametrize(
    "trouble", [no_memory, no_state, no_keys, no_passwords, no_health, no_room, kept_anew]
)
def test_what_a_failed_start_leaves_makes_way_for_a_new_lab(
    place: Place,
    kept: KeptLab,
    monkeypatch: pytest.MonkeyPatch,
    trouble: Callable[[Place, Prepared[LabRecord], pytest.MonkeyPatch], None],
) -> None:
    prepared = place.prepared()
    (prepared.folder.path / "claim.json").write_text("whose it is")
    trouble(place, prepared, monkeypatch)

    with pytest.raises(HalabError):
        start_warm(prepared, kept, step)

    # So the next `up` knows, also when this one is killed now.
    assert prepared.folder.warming.exists()
    begin_again(prepared.folder, step)
    assert place.did[-1] == "stop"
    assert [path.name for path in prepared.folder.path.iterdir()] == ["claim.json"]


def test_a_lab_that_cannot_be_kept_is_complete(
    place: Place, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    prepared = place.prepared()
    place.build(prepared)
    monkeypatch.setattr(prepared.engine, "export", refuse)

    keep(prepared, Progress())

    assert "not kept for a warm start: it does not work" in capfd.readouterr().err
    assert KeptLabs().all() == []
    assert list((KeptLabs().path("x").parent).glob(".active-passive")) == []


def test_nothing_is_kept_where_nothing_may_be(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HALAB_CACHE_GIB", "0")
    prepared = place.prepared()
    place.build(prepared)

    keep(prepared, Progress())

    assert KeptLabs().all() == []
