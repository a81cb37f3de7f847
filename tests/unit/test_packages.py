from __future__ import annotations

from pathlib import Path

import pytest

from core.errors import HalabError
from hypervisor import packages
from hypervisor.packages import Need, ensure_packages, find_shortages, parse_version


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder that is all of PATH."""
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(packages, "SYSTEM_FOLDERS", ())
    return tmp_path


def put(folder: Path, name: str, says: str) -> None:
    (folder / name).write_text(f"#!/bin/sh\necho '{says}'\n")
    (folder / name).chmod(0o755)


def on(monkeypatch: pytest.MonkeyPatch, release: str) -> None:
    monkeypatch.setattr(packages, "_read_os_release", lambda: release)
    packages._os_release.cache_clear()


@pytest.fixture(autouse=True)
def forget_release() -> object:
    yield
    packages._os_release.cache_clear()


BOOKWORM = 'PRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\nID=debian\nVERSION_ID="12"\n'
BULLSEYE = 'PRETTY_NAME="Debian GNU/Linux 11 (bullseye)"\nID=debian\nVERSION_ID="11"\n'
FEDORA = 'PRETTY_NAME="Fedora Linux 43"\nID=fedora\nVERSION_ID=43\n'


@pytest.mark.parametrize(
    ("text", "version"),
    [
        ("QEMU emulator version 10.0.2 (Debian 1:10.0.2+ds-2)", (10, 0, 2)),
        ("libvirtd (libvirt) 11.3.0", (11, 3, 0)),
        ("unshare from util-linux 2.38.1", (2, 38, 1)),
        ("go version go1.26.8 linux/amd64", (1, 26, 8)),
        ("v3.259.0", (3, 259, 0)),
        ("no number", ()),
    ],
)
def test_versions_are_read_from_what_programs_print(text: str, version: tuple[int, ...]) -> None:
    assert parse_version(text) == version


def test_a_program_that_is_there_and_new_enough_is_no_shortage(programs: Path) -> None:
    put(programs, "virsh", "11.3.0")
    assert find_shortages([Need("libvirt-clients", "virsh", (9,))]) == []


def test_bookworms_qemu_is_too_old(programs: Path) -> None:
    put(programs, "qemu-system-x86_64", "QEMU emulator version 7.2.22 (Debian 1:7.2)")
    (shortage,) = find_shortages([Need("qemu-system-x86", "qemu-system-x86_64", (8,))])
    assert shortage.fact == "version 7.2.22, 8 or newer is needed"


def test_programs_of_administrators_are_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path / "nothing"))
    monkeypatch.setattr(packages, "SYSTEM_FOLDERS", (str(tmp_path),))
    put(tmp_path, "libvirtd", "libvirtd (libvirt) 11.3.0")
    assert find_shortages([Need("libvirt-daemon-system", "libvirtd", (9,))]) == []


def test_a_missing_driver_is_a_shortage() -> None:
    (shortage,) = find_shortages([Need("nothing", "libvirt_driver_nobody_has.so")])
    assert shortage.fact == "not installed"


def test_nothing_missing_changes_nothing_on_any_system(
    programs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    on(monkeypatch, FEDORA)
    put(programs, "socat", "socat")
    assert ensure_packages(print, [Need("socat", "socat")]) is False


@pytest.mark.parametrize("release", [FEDORA, BULLSEYE, ""])
def test_other_systems_are_refused_before_anything_changes(
    programs: Path, monkeypatch: pytest.MonkeyPatch, release: str
) -> None:
    on(monkeypatch, release)
    monkeypatch.setattr(packages, "follow", lambda *_, **__: pytest.fail("ran something"))
    with pytest.raises(HalabError, match="only on Debian 12 and 13") as caught:
        ensure_packages(print, [Need("socat", "socat", purpose="leads ssh")])
    assert "socat (leads ssh): not installed" in str(caught.value)


def test_debian_12_takes_the_hypervisor_from_backports(
    programs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    on(monkeypatch, BOOKWORM)
    monkeypatch.setattr("os.geteuid", lambda: 0)
    ran: list[list[str]] = []

    def follow(command: list[str], on_line: object, **_: object) -> None:
        ran.append(command)
        put(programs, "socat", "socat")
        put(programs, "ssh", "ssh")

    monkeypatch.setattr(packages, "follow", follow)
    needs = [Need("socat", "socat"), Need("openssh-client", "ssh")]
    assert ensure_packages(print, needs) is True
    assert [command[3:] for command in ran] == [
        ["install-packages", "bookworm-backports", "openssh-client", "socat"]
    ]


def test_packages_that_do_not_help_are_an_error(
    programs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    on(monkeypatch, BOOKWORM)
    monkeypatch.setattr("os.geteuid", lambda: 0)
    monkeypatch.setattr(packages, "follow", lambda *_, **__: None)
    with pytest.raises(HalabError, match="still missing"):
        ensure_packages(print, [Need("socat", "socat")])


def test_without_root_and_sudo_the_command_is_named(
    programs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    on(monkeypatch, BOOKWORM)
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    with pytest.raises(HalabError, match="may not install") as caught:
        ensure_packages(print, [Need("socat", "socat")])
    assert "apt-get install --no-install-recommends socat" in str(caught.value.hint)
