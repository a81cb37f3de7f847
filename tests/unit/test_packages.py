from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from core.errors import HalabError
from hypervisor import packages
from hypervisor.distribution import Family, parse
from hypervisor.packages import (
    NEEDS,
    Need,
    authorize,
    ensure_packages,
    find_shortages,
    parse_version,
)
from tests.unit.systems import ARCH, BOOKWORM, FEDORA, MINT, NOBLE, POP, RESOLUTE


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
    monkeypatch.setattr(packages, "this_distribution", lambda: parse(release))


def with_apt(folder: Path, policy: str = "") -> None:
    """Put an apt there that offers what a captured `apt-cache policy` lists."""
    put(folder, "apt-get", "apt")
    (folder / "apt-cache").write_text(f"#!/bin/sh\ncat <<'END'\n{policy}\nEND\n")
    (folder / "apt-cache").chmod(0o755)
    (folder / "cat").symlink_to("/bin/cat")


JAMMY_POLICY = """\
libvirt-clients:
  Installed: (none)
  Candidate: 8.0.0-1ubuntu7.12
  Version table:
     8.0.0-1ubuntu7.12 500
        500 http://archive.ubuntu.com/ubuntu jammy-updates/main amd64 Packages
qemu-system-x86:
  Installed: (none)
  Candidate: 1:6.2+dfsg-2ubuntu6.27
  Version table:
     1:6.2+dfsg-2ubuntu6.27 500
        500 http://archive.ubuntu.com/ubuntu jammy-updates/main amd64 Packages"""
NOBLE_POLICY = """\
libvirt-clients:
  Installed: (none)
  Candidate: 10.0.0-2ubuntu8.9
qemu-system-x86:
  Installed: (none)
  Candidate: 1:8.2.2+ds-0ubuntu1.10"""
NO_LISTS_POLICY = """\
qemu-system-x86:
  Installed: (none)
  Candidate: (none)
  Version table:"""

HYPERVISOR = (
    Need("qemu-system-x86", "qemu-system-x86_64", (8,), "runs the machines", fedora="qemu-x86"),
    Need("libvirt-clients", "virsh", (9,), "talks to it", fedora="libvirt-client"),
)


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


@pytest.mark.parametrize("release", [FEDORA, ARCH, ""])
def test_other_systems_are_refused_before_anything_changes(
    programs: Path, monkeypatch: pytest.MonkeyPatch, release: str
) -> None:
    on(monkeypatch, release)
    monkeypatch.setattr(packages, "follow", lambda *_, **__: pytest.fail("ran something"))
    with pytest.raises(HalabError, match="only on Debian, Ubuntu and their kin") as caught:
        ensure_packages(print, [Need("socat", "socat", purpose="leads ssh")])
    assert "socat (leads ssh): not installed" in str(caught.value)


def test_fedora_is_told_its_own_names_ready_to_paste(
    programs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    on(monkeypatch, FEDORA)
    needs = (*HYPERVISOR, Need("mmdebstrap", "mmdebstrap"))
    with pytest.raises(HalabError) as caught:
        authorize(find_shortages(needs))
    assert caught.value.hint == (
        "sudo dnf install libvirt-client qemu-x86; not packaged there, "
        "install it from its source: mmdebstrap"
    )


def test_unknown_systems_are_told_what_debian_calls_it(
    programs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    on(monkeypatch, ARCH)
    with pytest.raises(HalabError) as caught:
        authorize(find_shortages(HYPERVISOR))
    assert "Debian calls them: libvirt-clients qemu-system-x86" in str(caught.value.hint)


@pytest.mark.parametrize("release", [NOBLE, RESOLUTE, MINT, POP])
@pytest.mark.parametrize("policy", [NOBLE_POLICY, NO_LISTS_POLICY, ""])
def test_ubuntu_and_its_kin_get_their_own_packages(
    programs: Path, monkeypatch: pytest.MonkeyPatch, release: str, policy: str
) -> None:
    on(monkeypatch, release)
    with_apt(programs, policy)
    monkeypatch.setattr("os.geteuid", lambda: 0)
    ran = installing(programs, monkeypatch, HYPERVISOR)
    assert ensure_packages(print, HYPERVISOR) is True
    assert ran[0][-4:] == ["install-packages", "", "libvirt-clients", "qemu-system-x86"]


def test_a_system_whose_packages_are_too_old_is_left_alone(
    programs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    on(monkeypatch, NOBLE.replace("24.04.3", "22.04.5").replace("noble", "jammy"))
    with_apt(programs, JAMMY_POLICY)
    monkeypatch.setattr("os.geteuid", lambda: 0)
    monkeypatch.setattr(packages, "follow", lambda *_, **__: pytest.fail("ran something"))
    with pytest.raises(HalabError) as caught:
        ensure_packages(print, HYPERVISOR)
    assert caught.value.message == (
        "Ubuntu 22.04.5 LTS is too old: it has libvirt-clients 8.0.0 (9 is needed), "
        "qemu-system-x86 6.2 (8 is needed)"
    )


def test_a_proxy_of_the_user_reaches_apt_through_sudo(
    programs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    on(monkeypatch, NOBLE)
    with_apt(programs)
    put(programs, "sudo", "")
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    monkeypatch.setenv("http_proxy", "http://proxy.example:3128")
    ran = installing(programs, monkeypatch, HYPERVISOR)
    ensure_packages(print, HYPERVISOR)
    through = ran[0][ran[0].index("env") : ran[0].index("sh")]
    assert "http_proxy=http://proxy.example:3128" in through


def test_a_password_is_asked_for_without_options_that_a_sudo_may_lack(
    programs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    on(monkeypatch, RESOLUTE)
    with_apt(programs)
    asked = programs / "asked"
    (programs / "sudo").write_text(
        f'#!/bin/sh\n[ "$1" != -n ] || exit 1\necho "$* $SUDO_PROMPT" >{asked}\n'
    )
    (programs / "sudo").chmod(0o755)
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    assert authorize(find_shortages(HYPERVISOR)) == [str(programs / "sudo")]
    assert asked.read_text() == "-v halab installs system packages; password for %u: \n"


def test_every_need_has_a_name_on_fedora_but_what_fedora_lacks() -> None:
    assert {need.found_by for need in NEEDS if not need.package_on(Family.FEDORA)} == {"mmdebstrap"}


def installing(
    programs: Path, monkeypatch: pytest.MonkeyPatch, needs: Sequence[Need]
) -> list[list[str]]:
    """Let the installation bring the programs; return the list of what will have run."""
    ran: list[list[str]] = []

    def follow(command: list[str], on_line: object, **_: object) -> None:
        ran.append(command)
        for need in needs:
            put(programs, need.found_by, "version 99.0")

    monkeypatch.setattr(packages, "follow", follow)
    return ran


def test_debian_12_takes_the_hypervisor_from_backports(
    programs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    on(monkeypatch, BOOKWORM)
    monkeypatch.setattr("os.geteuid", lambda: 0)
    with_apt(programs)
    needs = [Need("socat", "socat"), Need("openssh-client", "ssh")]
    ran = installing(programs, monkeypatch, needs)
    assert ensure_packages(print, needs) is True
    assert [command[command.index("install-packages") :] for command in ran] == [
        ["install-packages", "bookworm-backports", "openssh-client", "socat"]
    ]


def test_packages_that_do_not_help_are_an_error(
    programs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    on(monkeypatch, BOOKWORM)
    monkeypatch.setattr("os.geteuid", lambda: 0)
    with_apt(programs)
    monkeypatch.setattr(packages, "follow", lambda *_, **__: None)
    with pytest.raises(HalabError, match="still missing"):
        ensure_packages(print, [Need("socat", "socat")])


def test_without_root_and_sudo_the_command_is_named(
    programs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    on(monkeypatch, BOOKWORM)
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    with_apt(programs)
    with pytest.raises(HalabError, match="may not install") as caught:
        ensure_packages(print, [Need("socat", "socat")])
    # A plain apt-get would bring bookworm's own QEMU, and start a libvirt.
    by_hand = f"sh {packages.INSTALLER} bookworm-backports socat"
    assert str(caught.value.hint).endswith(f"as root: {by_hand}")
