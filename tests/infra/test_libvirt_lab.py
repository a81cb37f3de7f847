"""A whole lab as a program: what it says of its machines while some of them come or go."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pulumi
import pytest

from core.files import write_file
from core.folders import LabFolder
from infra.libvirt_lab import declare
from infra.planning import plan_inventory
from infra.ssh_key import ensure_ssh_key
from inventory.record import LabRecord, load_record, save
from labs.checking import check
from labs.model import Lab
from tests.infra.conftest import HOST_KEYS, Recorder

THREE, FOUR = ("node1", "node2", "node3"), ("node1", "node2", "node3", "node4")


def lab(names: tuple[str, ...]) -> Lab:
    services = {"web": {"kind": "nginx", "runs": "everywhere"}}
    tables = {"version": 1, "name": "web", "nodes": {"names": list(names)}, "services": services}
    return check("web.toml", tables, Lab)


@pytest.fixture
def folder(tmp_path: Path) -> LabFolder:
    """Return the folder of a lab that is to be built; its definition is of no matter here."""
    made = LabFolder(tmp_path / "web")
    ensure_ssh_key(made)
    write_file(made.definition, "")
    return made


@pytest.fixture
def record(record: LabRecord, folder: LabFolder) -> LabRecord:
    """Return the record of a lab in that folder."""
    return record.model_copy(update={"pool": folder.pool})


def built(folder: LabFolder, record: LabRecord, names: tuple[str, ...]) -> None:
    """Leave a lab as `up` does."""
    save(folder.inventory, plan_inventory(lab(names), record, folder, HOST_KEYS))
    save(folder.record, record.of_machines((*names, "monitor")))


def kept(folder: LabFolder, recorder: Recorder, names: tuple[str, ...]) -> Any:
    """Run the program for a lab of these nodes; return the record that Pulumi's state keeps."""

    def program() -> None:
        declare(lab(names), folder)

    pulumi.runtime.test(program)()  # type: ignore[no-untyped-call]
    [software] = [inputs for (_, name), inputs in recorder.resources.items() if name == "software"]
    # Beside the mark of a secret.
    return json.loads(software["files"]["value"]["lab.json"])


def test_a_machine_that_leaves_is_the_labs_until_it_has_left(
    folder: LabFolder, record: LabRecord, recorder: Recorder
) -> None:
    built(folder, record, FOUR)

    state = kept(folder, recorder, THREE)

    assert list(load_record(folder).domains) == [*THREE, "monitor", "node4"]
    # What is kept is what comes of it: the next preview finds the same.
    assert list(state["domains"]) == [*THREE, "monitor"]


def test_a_machine_that_comes_is_the_labs_before_it_is_made(
    folder: LabFolder, record: LabRecord, recorder: Recorder
) -> None:
    built(folder, record, THREE)
    assert list(kept(folder, recorder, FOUR)["domains"]) == [*FOUR, "monitor"]
    assert list(load_record(folder).domains) == [*FOUR, "monitor"]


def test_a_machine_that_never_became_part_of_the_lab_is_forgotten_at_once(
    folder: LabFolder, record: LabRecord, recorder: Recorder
) -> None:
    """A run that ended while it was made, and was taken back: nobody would forget it later."""
    built(folder, record, THREE)
    save(folder.record, record.of_machines((*FOUR, "monitor")))
    kept(folder, recorder, THREE)
    assert list(load_record(folder).domains) == [*THREE, "monitor"]


def test_a_lab_that_is_as_it_shall_be_is_kept_as_its_file_says(
    folder: LabFolder, record: LabRecord, recorder: Recorder
) -> None:
    built(folder, record, THREE)
    before = folder.record.read_text()
    assert kept(folder, recorder, THREE) == json.loads(before)
    assert folder.record.read_text() == before
