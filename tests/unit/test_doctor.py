from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from core.errors import HalabError
from hypervisor import doctor, packages
from hypervisor.distribution import parse
from hypervisor.doctor import Finding, Needs, Verdict, examine, refuse
from hypervisor.image import Image, recipe_of
from hypervisor.packages import Need, Shortage
from labs.roles import MachineRole
from tests.unit.systems import FEDORA

IMAGES = (recipe_of(MachineRole.NODE), recipe_of(MachineRole.MONITOR))
SMALL = Needs(memory_mib=1, disk_mib=1, cores=1, images=IMAGES)
HUGE = Needs(memory_mib=1 << 40, disk_mib=1 << 40, cores=1 << 20, images=IMAGES)


@pytest.fixture(autouse=True)
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine that lacks nothing."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setattr(doctor, "find_shortages", list)
    monkeypatch.setattr(doctor, "find_program", lambda _: None)
    monkeypatch.setattr(doctor, "check_namespaces", lambda: None)
    monkeypatch.setattr(doctor, "find_toolchain", lambda: None)
    monkeypatch.setattr(doctor, "cached", lambda _: None)
    monkeypatch.setattr(doctor, "ROOM_MIB", 1)
    monkeypatch.setattr("platform.machine", lambda: "x86_64")


def found(needs: Needs, name: str) -> Finding:
    return next(finding for finding in examine(needs) if finding.name == name)


def test_a_good_machine_is_not_refused() -> None:
    refuse(examine(SMALL))


def test_everything_too_small_is_refused_at_once() -> None:
    with pytest.raises(HalabError) as caught:
        refuse(examine(HUGE))
    text = str(caught.value)
    assert "memory: " in text
    assert "disk: " in text
    assert "XDG_STATE_HOME" in text


def test_too_few_processors_only_warn() -> None:
    assert found(HUGE, "processors").verdict is Verdict.WARNING


def test_state_and_cache_on_one_disk_are_one_finding() -> None:
    assert [finding.name for finding in examine(SMALL)].count("disk") == 1


def test_a_folder_that_nobody_may_write_in_is_refused_whatever_room_it_has(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("os.access", lambda path, _: Path(path) != tmp_path)
    disk = found(SMALL, "disk")
    assert disk.verdict is Verdict.ERROR
    assert str(tmp_path / "state" / "halab") in disk.fact
    assert disk.remedy == "make it writable, or point XDG_STATE_HOME or XDG_CACHE_HOME elsewhere"


@pytest.mark.parametrize("variable", ["HALAB_ACCELERATION", "HALAB_CACHE_GIB"])
def test_a_variable_that_means_nothing_is_refused_before_anything_is_built(
    monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    assert "settings" not in {finding.name for finding in examine(SMALL)}
    monkeypatch.setenv(variable, "soon")
    with pytest.raises(HalabError, match="cannot run the lab as it is") as caught:
        refuse(examine(SMALL))
    assert f"settings: {variable}=soon is not known" in str(caught.value.detail)


def test_room_is_asked_for_the_images_that_are_missing_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    fewer = replace(SMALL, images=IMAGES[:1])
    monkeypatch.setattr(doctor, "ROOM_MIB", 1 << 40)
    assert found(fewer, "disk").fact.endswith(f"up to {(1 << 40) + 1} MiB are needed")
    there = Image("node", Path(), Path(), Path(), IMAGES[0].key)
    monkeypatch.setattr(doctor, "cached", lambda recipe: {IMAGES[0]: there}.get(recipe))
    assert found(fewer, "disk").verdict is Verdict.OK
    assert found(SMALL, "disk").verdict is Verdict.ERROR


def test_another_processor_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("platform.machine", lambda: "aarch64")
    assert found(SMALL, "system").verdict is Verdict.ERROR


def lacking(monkeypatch: pytest.MonkeyPatch, *needs: Need) -> list[Shortage]:
    shortages = [Shortage(need, "not installed") for need in needs]
    monkeypatch.setattr(doctor, "find_shortages", lambda: shortages)
    return shortages


SOCAT = Need("socat", "socat", (), "leads ssh", fedora="socat")


def test_missing_programs_only_warn_where_up_can_install_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    lacking(monkeypatch, SOCAT)
    monkeypatch.setattr(doctor, "authorize", lambda *_, **__: [])
    finding = found(SMALL, "programs")
    assert finding.verdict is Verdict.WARNING
    assert "socat (leads ssh): not installed" in finding.fact
    assert finding.remedy == "`up` installs socat"
    refuse([finding])


def test_fedora_hears_precisely_what_is_missing_and_how_to_get_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(packages, "this_distribution", lambda: parse(FEDORA))
    lacking(monkeypatch, SOCAT, Need("mmdebstrap", "mmdebstrap", (), "builds images"))
    finding = found(SMALL, "programs")
    assert finding.verdict is Verdict.ERROR
    assert "socat (leads ssh): not installed; mmdebstrap (builds images)" in finding.fact
    assert (finding.remedy or "").startswith("sudo dnf install socat; ")


def test_a_complete_machine_is_good_whatever_its_system(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packages, "this_distribution", lambda: parse(FEDORA))
    assert found(SMALL, "programs").verdict is Verdict.OK
    assert found(SMALL, "system").verdict is Verdict.OK


def test_forbidden_namespaces_are_an_error_with_the_remedy(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def forbid() -> None:
        raise HalabError("no namespaces", hint="ask the administrator")

    monkeypatch.setattr(doctor, "check_namespaces", forbid)
    finding = found(SMALL, "namespaces")
    assert (finding.verdict, finding.remedy) == (Verdict.ERROR, "ask the administrator")


def test_namespaces_are_not_judged_while_their_programs_are_missing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(doctor, "check_namespaces", lambda: pytest.fail("tried"))
    lacking(monkeypatch, Need("uidmap", "newuidmap"))
    assert found(SMALL, "namespaces").verdict is Verdict.WARNING


def test_a_missing_toolchain_says_how_it_will_be_had(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HALAB_TOOLCHAIN", "build")
    finding = found(SMALL, "toolchain")
    assert finding.verdict is Verdict.WARNING
    assert "builds it" in (finding.remedy or "")
    monkeypatch.setenv("HALAB_TOOLCHAIN", "path")
    assert found(SMALL, "toolchain").verdict is Verdict.ERROR


def test_a_lab_without_guests_here_is_not_asked_for_a_hypervisor() -> None:
    names = {finding.name for finding in examine(Needs(0, 0, 0, ()))}
    assert not names & {"processors", "memory", "namespaces", "acceleration"}
    assert {"programs", "toolchain"} <= names
