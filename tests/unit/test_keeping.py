"""What `up` decided for a lab is kept twice; each file comes back from the other copy."""

from __future__ import annotations

import json
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from core.files import write_file
from core.folders import LabFolder
from infra.backend import SECRET
from infra.keeping import kept_files, kept_in, lost_files, restore
from infra.ssh_key import ensure_ssh_key, read_private_key
from inventory.record import LabRecord, load_record, save
from parts.secrets import generate
from tests.unit.provisioned_lab import inventory
from tests.unit.test_backend import DAMAGES

FILES = (
    "lab.json",
    "inventory.json",
    "secrets.json",
    "definition.toml",
    "ssh/id_ed25519",
    "ssh/host_keys/node1",
)


@pytest.fixture
def folder(tmp_path: Path) -> LabFolder:
    """A lab's folder as an `up` leaves it."""
    made = LabFolder(tmp_path / "demo")
    record = LabRecord(
        source="demo",
        uri="qemu:///system?socket=/there",
        private=True,
        accelerated=False,
        proxy_command=None,
        mark="6b7a1c1e-2f0d-4d53-9d7e-3c2b6a9f0e11",
        prefix="",
        pool=made.pool,
        boot={},
        domains={},
    )
    save(made.record, record)
    save(made.inventory, inventory())
    write_file(made.secrets, generate().reveal())
    write_file(made.definition, 'version = 1\nname = "demo"\n')
    write_file(made.applied, made.definition.read_text())
    ensure_ssh_key(made)
    for name in ("node1", "node2", "monitor"):
        write_file(made.host_keys / name, made.ssh_key.read_bytes())
    return made


def exported(folder: LabFolder) -> dict[str, Any]:
    """Return the stack's state as Pulumi exports it, secrets in the clear."""

    def secret(value: object) -> dict[str, str]:
        return {SECRET: "1b47061264138c4ac30d75fd1eb44270", "plaintext": json.dumps(value)}

    inputs = {
        "inventory": folder.inventory.read_text(),
        "secrets": secret(folder.secrets.read_text()),
        "files": secret(kept_files(folder, load_record(folder))),
    }
    network = {"urn": "urn:pulumi:demo::halab::x::network", "inputs": {}}
    software = {"urn": "urn:pulumi:demo::halab::x::software", "inputs": inputs}
    return {"resources": [network, software]}


def test_nothing_is_lost_of_a_whole_lab(folder: LabFolder) -> None:
    assert lost_files(folder) == []


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("name", FILES)
def test_every_file_comes_back(
    folder: LabFolder, name: str, damage: Callable[[Path], None]
) -> None:
    path = folder.path / name
    before, kept = path.read_bytes(), kept_in(exported(folder))
    damage(path)
    assert name in lost_files(folder)
    said: list[str] = []
    restore(folder, kept, said.append)
    assert path.read_bytes() == before
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert len(said) == 1 and name in said[0]


def test_files_that_are_whole_are_left_alone(folder: LabFolder) -> None:
    kept = kept_in(exported(folder))
    folder.definition.write_text('version = 1\nname = "demo"\ndescription = "newer"\n')
    restore(folder, kept, lambda _: None)
    assert "newer" in folder.definition.read_text()


def test_a_damaged_note_of_the_applied_definition_comes_back(folder: LabFolder) -> None:
    kept = kept_in(exported(folder))
    folder.applied.write_text("version =")
    restore(folder, kept, lambda _: None)
    assert folder.applied.read_text() == folder.definition.read_text()
    # A lab that was never healthy has none.
    folder.applied.unlink()
    restore(folder, kept, lambda _: None)
    assert not folder.applied.exists()


def test_a_state_without_software_keeps_nothing() -> None:
    assert kept_in({}) == {}
    assert kept_in({"resources": [{"urn": "urn:pulumi:demo::halab::x::network"}]}) == {}


def test_the_public_key_follows_from_the_private_one(folder: LabFolder) -> None:
    public = folder.ssh_key.with_suffix(".pub")
    before = public.read_text()
    assert before.startswith("ssh-ed25519 ") and before.endswith(" halab\n")
    for damage in DAMAGES:
        damage(public)
        ensure_ssh_key(folder)
        assert public.read_text() == before


def test_a_key_is_made_once(folder: LabFolder) -> None:
    before = folder.ssh_key.read_bytes()
    ensure_ssh_key(folder)
    assert folder.ssh_key.read_bytes() == before
    assert stat.S_IMODE(folder.ssh_key.stat().st_mode) == 0o600
    folder.ssh_key.write_bytes(before[:100])
    assert read_private_key(folder.ssh_key) is None
