"""A guest goes on into the kernel of its disk, once a boot, and not twice into one that fails."""

from __future__ import annotations

import errno
import os
import shlex
import subprocess
from pathlib import Path

import pytest

from hypervisor.image import BOOT_KERNEL
from hypervisor.recipe import boot_kernel
from updates.worker import BOOT_PROGRAM

PROGRAM, UNIT, UP = BOOT_KERNEL


def value(unit: Path, key: str) -> str:
    """Return what a unit says of a key."""
    lines = [line for line in unit.read_text().splitlines() if line.startswith(f"{key}=")]
    return lines[-1].partition("=")[2]


def test_a_boot_that_was_begun_so_begins_no_other_one() -> None:
    assert value(UNIT, "ConditionKernelCommandLine") == f"!{boot_kernel.MARK}"


@pytest.mark.parametrize("recipe", ["hypervisor", "rehearsal"])
def test_every_image_is_a_guest(recipe: str) -> None:
    assert (
        '\nsh "$recipe/guest" "$root" "$recipe" '
        in (Path(recipe) / "recipe" / "customize").read_text()
    )


def test_every_guest_has_what_the_units_start() -> None:
    script = Path("hypervisor/recipe/guest").read_text()
    assert value(UNIT, "ExecStart") == BOOT_PROGRAM
    assert f'install -D -m 0755 "$recipe/{PROGRAM.name}" "$root{BOOT_PROGRAM}"' in script
    enabled = [line for line in script.splitlines() if "systemctl" in line and " enable " in line]
    for unit, name in ((UNIT, "halab-kernel.service"), (UP, "halab-kernel-is-up.service")):
        assert f'"$recipe/{unit.name}" "$root/etc/systemd/system/{name}"' in script
        assert any(name in line.split() for line in enabled)


@pytest.mark.parametrize(
    ("link", "initrd", "goes_on"),
    [
        ("boot/vmlinuz-other", True, True),
        ("/boot/vmlinuz-other", True, True),
        (f"boot/vmlinuz-{os.uname().release}", True, False),
        (f"/boot/vmlinuz-{os.uname().release}", True, False),
        ("boot/vmlinuz-other", False, False),
        ("boot/vmlinuz-gone", True, False),
        (None, True, False),
    ],
)
def test_only_another_kernel_that_is_there_whole_is_booted(
    tmp_path: Path, link: str | None, initrd: bool, goes_on: bool
) -> None:
    """Debian's links change before the initrd is made, and a package may be half removed."""
    (tmp_path / "run").mkdir()
    (tmp_path / "boot").mkdir()
    for name in ("other", os.uname().release):
        (tmp_path / "boot" / f"vmlinuz-{name}").touch()
    if link is not None:
        target = f"{tmp_path}{link}" if link.startswith("/") else link
        (tmp_path / "vmlinuz").symlink_to(target)
    if initrd:
        (tmp_path / "initrd.img").touch()
    shell, option, text = shlex.split(value(UNIT, "ExecCondition"))
    for place in ("/run/", "/vmlinuz", "/initrd.img"):
        text = text.replace(f" {place}", f" {tmp_path}{place}")

    def asked() -> bool:
        return subprocess.run([shell, option, text], check=False, stderr=-3).returncode == 0

    assert asked() is goes_on
    assert not asked(), "it is asked once a boot"


def test_a_kernel_that_did_not_come_up_is_passed_over_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kernel, tried = tmp_path / "vmlinuz", tmp_path / "halab" / "tried"
    kernel.symlink_to("boot/vmlinuz-7.3")
    monkeypatch.setattr(boot_kernel, "KERNEL", kernel)
    monkeypatch.setattr(boot_kernel, "TRIED", tried)
    assert [boot_kernel.is_tried(), boot_kernel.is_tried()] == [False, True]

    other = tmp_path / "other"
    other.symlink_to("boot/vmlinuz-7.4")
    monkeypatch.setattr(boot_kernel, "KERNEL", other)
    assert not boot_kernel.is_tried(), "another one has its own chance"

    (tmp_path / "file").touch()
    monkeypatch.setattr(boot_kernel, "TRIED", tmp_path / "file" / "tried")
    assert not boot_kernel.is_tried(), "without room for a note it is tried all the same"


def test_a_boot_that_came_up_takes_the_note_away() -> None:
    assert value(UP, "ConditionPathExists") == str(boot_kernel.TRIED)
    assert value(UP, "ExecStart").split()[-1] == str(boot_kernel.TRIED)


def test_what_is_no_kernel_is_said_and_not_booted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The system call is real. It is refused: by a kernel that can, or because it cannot or we may
    not."""
    for name in ("KERNEL", "INITRD"):
        monkeypatch.setattr(boot_kernel, name, tmp_path / name)
        (tmp_path / name).write_text("no kernel")

    with pytest.raises(OSError, match=str(tmp_path / "KERNEL")) as caught:
        boot_kernel.load(b"quiet")
    assert caught.value.errno in (errno.ENOEXEC, errno.EPERM, errno.ENOSYS)
