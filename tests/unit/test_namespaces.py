"""Namespaces are tried, not guessed; what forbids them is named with the command that lifts it."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from core.errors import HalabError
from core.processes import is_alive
from core.wait import wait_until
from hypervisor import namespaces
from hypervisor.namespaces import (
    Ban,
    as_root_of_its_own,
    check_namespaces,
    in_private_namespaces,
    remove_folder,
)

USERNS = "sudo sysctl -w kernel.apparmor_restrict_unprivileged_userns=0"
UNSHARE = "sudo apparmor_parser --remove /etc/apparmor.d/unshare-userns-restrict"


class Host:
    """A machine of fake programs, seen by an ordinary user with a range of ids."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.folder = folder
        self.monkeypatch = monkeypatch
        for program in ("sh", "cat"):
            (folder / program).symlink_to(f"/bin/{program}")
        monkeypatch.setenv("PATH", str(folder))
        monkeypatch.setattr("os.geteuid", lambda: 1000)
        monkeypatch.setattr(namespaces, "_has_range", lambda: True)
        monkeypatch.setattr(namespaces, "BANS", ())
        self.program("newuidmap")
        # A real one: all options up to the command, then the command.
        self.program("unshare", 'while [ "$1" != -- ]; do shift; done; shift; exec "$@"')
        self.program("mount")
        self.program("ip")

    def program(self, name: str, does: str = "exit 0") -> None:
        """Put a program there."""
        (self.folder / name).write_text(f"#!/bin/sh\n{does}\n")
        (self.folder / name).chmod(0o755)

    def fails(self, name: str, says: str, when: str = "*") -> None:
        """Let a program fail when its words match."""
        self.program(name, f'case "$*" in {when}) echo "{says}" >&2; exit 32 ;; esac')

    def with_bans(self, *holding: str) -> None:
        """Let the machine have the settings of these commands, and no others, in force."""
        kept = []
        for ban in REAL_BANS:
            file = self.folder / ban.file.name
            if any(word in ban.lifted_by for word in holding):
                file.write_text(f"{ban.forbidding}\n")
            kept.append(Ban(file, ban.forbidding, ban.lifted_by, ban.binds_root))
        self.monkeypatch.setattr(namespaces, "BANS", tuple(kept))

    def hint(self) -> str:
        """Return what a person is told to do."""
        with pytest.raises(HalabError) as caught:
            check_namespaces()
        return caught.value.hint or ""


REAL_BANS = namespaces.BANS


@pytest.fixture
def host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Host:
    return Host(tmp_path, monkeypatch)


def test_where_everything_can_be_done_nothing_is_said(host: Host) -> None:
    check_namespaces()


def test_a_setting_that_does_no_harm_is_not_complained_of(host: Host) -> None:
    host.with_bans("apparmor_restrict", "unshare-userns-restrict", "user.max_user_namespaces")
    check_namespaces()


def test_ubuntu_24_04_where_a_namespace_has_no_rights(host: Host) -> None:
    host.with_bans("apparmor_restrict_unprivileged_userns")
    host.fails("unshare", "unshare: write failed /proc/self/uid_map: Operation not permitted")
    hint = host.hint()
    assert f"{USERNS} (" in hint
    assert "sudo ./halab" in hint


def test_a_namespace_that_can_be_made_and_has_no_rights_is_noticed(host: Host) -> None:
    host.with_bans("apparmor_restrict_unprivileged_userns")
    host.fails("mount", "mount: /proc: permission denied.")
    with pytest.raises(HalabError) as caught:
        check_namespaces()
    assert "mount -t proc proc /proc" in (caught.value.detail or "")
    assert "mount: /proc: permission denied." in (caught.value.detail or "")


def test_networks_without_rights_are_noticed(host: Host) -> None:
    host.with_bans("apparmor_restrict_unprivileged_userns")
    host.fails("ip", "RTNETLINK answers: Operation not permitted", "*bridge*")
    assert USERNS in host.hint()


def test_ubuntu_26_04_takes_the_rights_of_what_unshare_starts(host: Host) -> None:
    host.with_bans("apparmor_restrict_unprivileged_userns", "unshare-userns-restrict")
    host.fails("mount", "mount: /proc: permission denied.")
    hint = host.hint()
    assert f"{USERNS} && {UNSHARE} (" in hint
    # The profile binds root as well.
    assert "sudo ./halab" not in hint


def test_root_hears_only_of_what_binds_root(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    host.with_bans("apparmor_restrict_unprivileged_userns", "unshare-userns-restrict")
    host.fails("mount", "mount: /proc: permission denied.")
    monkeypatch.setattr("os.geteuid", lambda: 0)
    hint = host.hint()
    assert UNSHARE in hint
    assert "sysctl" not in hint


def test_a_profile_that_was_disabled_forbids_nothing(host: Host) -> None:
    host.with_bans("unshare-userns-restrict")
    (host.folder / "disable").mkdir()
    (host.folder / "disable" / "unshare-userns-restrict").touch()
    host.fails("mount", "mount: /proc: permission denied.")
    assert UNSHARE not in host.hint()


@pytest.mark.parametrize(
    ("setting", "command"),
    [
        ("unprivileged_userns_clone", "sudo sysctl -w kernel.unprivileged_userns_clone=1"),
        ("max_user_namespaces", "sudo sysctl -w user.max_user_namespaces=31000"),
    ],
)
def test_hardened_kernels_are_opened_by_their_own_setting(
    host: Host, setting: str, command: str
) -> None:
    host.with_bans(setting)
    host.fails("unshare", "unshare: unshare failed: No space left on device")
    assert command in host.hint()


@pytest.mark.parametrize(("words", "module"), [("*bridge*", "bridge"), ("*tuntap*", "tun")])
def test_a_missing_module_of_the_kernel_is_named(host: Host, words: str, module: str) -> None:
    host.fails("ip", "Error: Unknown device type.", words)
    assert f"sudo modprobe {module}" in host.hint()


def test_without_any_setting_to_lift_there_are_root_and_the_container(host: Host) -> None:
    host.fails("unshare", "unshare: unshare failed: Operation not permitted")
    hint = host.hint()
    assert "sudo ./halab" in hint
    assert "--privileged" in hint


def test_what_gives_ids_comes_first(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    host.with_bans("apparmor_restrict_unprivileged_userns")
    host.fails("unshare", "unshare: failed")
    monkeypatch.setattr(namespaces, "_has_range", lambda: False)
    assert "sudo usermod --add-subuids" in host.hint()
    (host.folder / "newuidmap").unlink()
    assert "apt-get install uidmap" in host.hint()


def test_root_needs_no_namespace_of_users(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.geteuid", lambda: 0)
    assert as_root_of_its_own(["true"]) == ["true"]
    assert "--user" not in in_private_namespaces(["true"])
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    assert as_root_of_its_own(["true"])[0] == "unshare"
    assert "--user" in in_private_namespaces(["true"])


def test_a_user_without_a_name_hears_that_he_needs_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.getuid", lambda: 4_000_000_000)
    with pytest.raises(HalabError, match="has no name on this machine"):
        namespaces._has_range()


def test_an_unshare_that_leaves_a_helper_behind_is_not_waited_for(host: Host) -> None:
    # util-linux's own maps the ids, and waits for ever when there is no namespace to map them in.
    helper = host.folder / "helper"
    host.program("unshare", f"sleep 60 & echo $! >{helper}; echo 'unshare: no' >&2; exit 1")
    (host.folder / "sleep").symlink_to("/bin/sleep")
    began = time.monotonic()
    with pytest.raises(HalabError) as caught:
        check_namespaces()
    assert time.monotonic() - began < 20
    assert caught.value.detail == "unshare: no"
    pid = int(helper.read_text())
    wait_until(lambda: is_alive(pid), lambda alive: not alive, what="it to end", timeout=20)


def test_what_can_be_removed_without_a_namespace_needs_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(namespaces, "check_namespaces", lambda: pytest.fail("tried"))
    (tmp_path / "lab" / "pool").mkdir(parents=True)
    remove_folder(tmp_path / "lab")
    remove_folder(tmp_path / "never was there")
    assert not (tmp_path / "lab").exists()


def test_what_belongs_to_foreign_ids_is_said_to_need_a_namespace(
    tmp_path: Path, host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shutil.rmtree", lambda *_, **__: None)
    host.fails("unshare", "unshare: unshare failed: No space left on device")
    with pytest.raises(HalabError, match="needs namespaces"):
        remove_folder(tmp_path)
