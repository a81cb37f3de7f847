"""Which lab a person means who writes a name or a file after `up`."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from cli.app import app
from cli.building import keep_definition
from cli.choosing import built_from, existing_lab, running_lab, wanted
from core.errors import HalabError
from core.folders import LabFolder
from hypervisor.private import PrivateHypervisor
from inventory.mark import mark_of
from inventory.record import CloudRecord, LabRecord, Record, save
from labs.loading import LABS
from tests.unit.sketched import STORY

OFFERED = "aws-active-passive"
"""One of halab's own labs."""


@pytest.fixture(autouse=True)
def alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))


def begin(name: str, definition: Path, source: str | None) -> LabFolder:
    """Have a lab begun from a file; without `source` before anything was decided for it."""
    folder = LabFolder.of(name)
    folder.path.mkdir(parents=True)
    folder.definition.write_text(definition.read_text())
    if source is not None:
        mark = mark_of(folder)
        record = CloudRecord(
            source=source,
            region="eu-central-1",
            endpoint="http://127.0.0.1:1",
            mark=mark,
            machines=("node1",),
        )
        save(folder.record, record)
    return folder


def own(folder: Path, name: str) -> Path:
    """Write a definition of somebody's own."""
    text = (LABS / f"{OFFERED}.toml").read_text()
    path = folder / "own.toml"
    path.write_text(
        text.replace(f'"{OFFERED}"', f'"{name}"').replace("[services.web]", "[services.mine]")
    )
    return path


@pytest.mark.parametrize("first", [OFFERED, f"{LABS}/{OFFERED}.toml"])
@pytest.mark.parametrize("then", [OFFERED, f"{LABS}/{OFFERED}.toml"])
def test_a_lab_of_halabs_own_is_the_same_by_its_name_and_by_its_file(first: str, then: str) -> None:
    begin(OFFERED, LABS / f"{OFFERED}.toml", first)

    assert wanted(then)[0].name == OFFERED


@pytest.mark.parametrize("name", [OFFERED, "of-my-own"])
def test_the_name_of_a_lab_that_was_begun_means_that_lab(tmp_path: Path, name: str) -> None:
    path = own(tmp_path, name)
    begin(name, path, str(path))

    lab, source = wanted(name)

    assert (lab.name, source) == (name, str(path))
    assert [service.name for service in lab.services] == ["mine"]


def test_a_lab_whose_file_is_gone_is_built_from_what_was_kept_of_it(tmp_path: Path) -> None:
    path = own(tmp_path, "of-my-own")
    begin("of-my-own", path, str(path))
    path.unlink()

    assert wanted("of-my-own")[0].name == "of-my-own"


def test_a_lab_whose_file_has_become_anothers_is_built_from_what_was_kept_of_it(
    tmp_path: Path,
) -> None:
    path = own(tmp_path, "of-my-own")
    folder = begin("of-my-own", path, str(path))
    own(tmp_path, "another")

    lab, source = wanted("of-my-own")

    assert (lab.name, source) == ("of-my-own", str(path))
    assert built_from(source, folder) == folder.definition
    assert wanted(str(path))[0].name == "another"


def test_a_file_is_found_from_a_persons_home(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    path = own(tmp_path, "of-my-own")

    assert wanted(f"~/{path.name}")[1] == str(path.resolve())


def test_a_definition_that_changes_while_up_is_at_work_is_not_built_unchecked(
    tmp_path: Path,
) -> None:
    path = own(tmp_path, "of-my-own")
    folder = begin("of-my-own", path, str(path))
    lab, before = wanted(str(path))[0], folder.definition.read_text()
    path.write_text(path.read_text().replace("port = 80", "port = 8080"))

    with pytest.raises(HalabError, match="was changed while"):
        keep_definition(folder, path, lab)

    assert folder.definition.read_text() == before


def test_a_lab_for_which_nothing_was_decided_goes_on_from_its_folder(tmp_path: Path) -> None:
    folder = begin("of-my-own", own(tmp_path, "of-my-own"), None)

    assert wanted("of-my-own")[1] == str(folder.definition)


def test_another_file_cannot_take_a_labs_name(tmp_path: Path) -> None:
    begin(OFFERED, LABS / f"{OFFERED}.toml", OFFERED)

    with pytest.raises(HalabError, match="is taken by the lab that was built from"):
        wanted(str(own(tmp_path, OFFERED)))


def test_a_lab_that_is_misspelt_gets_a_suggestion() -> None:
    begin("database", LABS / "database.toml", "database")
    with pytest.raises(HalabError, match="no lab named 'databse'") as caught:
        existing_lab("databse")
    assert str(caught.value.hint).startswith("did you mean database? Else ")


def test_a_lab_that_was_begun_and_never_built_is_not_called_unknown() -> None:
    LabFolder.of("alone").path.mkdir(parents=True)

    with pytest.raises(HalabError, match="'alone' was begun and never built") as caught:
        wanted("alone")
    assert str(caught.value.hint).startswith("`./halab down alone` removes what is there")


class TestRunning:
    """Commands that ask machines something say at once that there are none to ask."""

    def noted(self, *, private: bool) -> str:
        folder = LabFolder.of("demo")
        folder.path.mkdir(parents=True)
        pool = folder.pool if private else Path("/var/lib/pool")
        own = LabRecord(
            source="story",
            uri="fake",
            private=private,
            accelerated=False,
            proxy_command=None,
            mark=mark_of(folder),
            prefix="" if private else folder.prefix,
            pool=pool,
            boot={},
            domains={"node1": "node1"},
        )
        return self.saved(folder, own)

    def saved(self, folder: LabFolder, record: Record) -> str:
        save(folder.record, record)
        return folder.name

    def test_after_a_reboot_of_the_host_there_is_a_way_back(self) -> None:
        name = self.noted(private=True)

        with pytest.raises(HalabError, match="lab 'demo' is off: ") as caught:
            running_lab(name)
        assert caught.value.hint == "`./halab up demo` starts it"

    @pytest.mark.parametrize(
        "words",
        [
            ("ssh", "demo", "node1"),
            ("open", "demo"),
            ("heal", "demo"),
            ("drill", "demo", "power-off"),
            ("update", "demo"),
            ("what-if", "demo", "power-off", "node1"),
            ("export", "demo", "demo.halab"),
        ],
        ids=lambda words: words[0],
    )
    def test_every_command_that_asks_machines_says_so(
        self, words: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.chdir(tmp_path)
        self.noted(private=True)
        save(LabFolder.of("demo").inventory, STORY.inventory)

        done = CliRunner().invoke(app, words)
        assert isinstance(done.exception, HalabError)
        assert str(done.exception).startswith("lab 'demo' is off: ")
        assert list(tmp_path.iterdir()) == [tmp_path / "state"]

    def test_with_its_hypervisor_it_is_asked(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(PrivateHypervisor, "is_running", lambda _: True)

        assert running_lab(self.noted(private=True)).name == "demo"

    def test_machines_on_a_libvirt_of_ones_own_are_asked(self) -> None:
        assert running_lab(self.noted(private=False)).name == "demo"

    @pytest.mark.parametrize(("proxy", "lost"), [("a way in", True), (None, False)])
    def test_a_rehearsal_that_has_ended_does_not_come_back(
        self, proxy: str | None, lost: bool
    ) -> None:
        folder = begin(OFFERED, LABS / f"{OFFERED}.toml", OFFERED)
        record = CloudRecord(
            source=OFFERED,
            region="eu-central-1",
            proxy_command=proxy,
            mark=mark_of(folder),
            machines=("node1",),
        )
        name = self.saved(folder, record)

        if not lost:
            assert running_lab(name).name == OFFERED
            return
        with pytest.raises(HalabError, match="is off") as caught:
            running_lab(name)
        assert str(caught.value.hint).startswith(f"`./halab down {OFFERED}` removes it")
