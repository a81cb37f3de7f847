"""A guest goes on into the kernel of its disk, once a boot."""

from __future__ import annotations

from pathlib import Path

import pytest

from hypervisor.image import BOOT_KERNEL
from hypervisor.recipe import boot_kernel

PROGRAM, UNIT = BOOT_KERNEL


def test_a_boot_that_was_begun_so_begins_no_other_one() -> None:
    assert f"ConditionKernelCommandLine=!{boot_kernel.MARK}\n" in UNIT.read_text()


@pytest.mark.parametrize("recipe", ["hypervisor", "rehearsal"])
def test_every_image_installs_what_the_unit_starts(recipe: str) -> None:
    script = (Path(recipe) / "recipe" / "customize").read_text()
    started = UNIT.read_text().partition("ExecStart=")[2].split()[0]
    assert f'install -D -m 0755 "$recipe/{PROGRAM.name}" "$root{started}"' in script
    assert f'"$recipe/{UNIT.name}" "$root/etc/systemd/system/halab-kernel.service"' in script
    enabled = [line for line in script.splitlines() if "systemctl" in line and " enable " in line]
    assert any("halab-kernel.service" in line for line in enabled)


def test_what_is_no_kernel_is_said_and_not_booted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The system call is real: without the right to make it, it fails as well."""
    for name in ("KERNEL", "INITRD"):
        monkeypatch.setattr(boot_kernel, name, tmp_path / name)
        (tmp_path / name).write_text("no kernel")

    with pytest.raises(OSError, match=str(tmp_path / "KERNEL")):
        boot_kernel.load(b"quiet")
