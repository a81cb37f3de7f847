"""Guest images are built where their programs may run, on a host hardened as it may be."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from core.errors import HalabError
from hypervisor import image, workplace
from hypervisor.workplace import find_workplace, obstacle
from labs.roles import MachineRole


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    # Other users may not enter pytest's folders.
    for path in (tmp_path, tmp_path.parent, tmp_path.parent.parent):
        path.chmod(0o755)
    return tmp_path


def test_an_ordinary_folder_will_do(folder: Path) -> None:
    assert obstacle(folder) is None
    assert list(folder.iterdir()) == []


def test_a_name_that_apt_would_stumble_over_will_not(folder: Path) -> None:
    for name in ("two words", "jürgen", 'say"', "a;b"):
        (folder / name).mkdir()
        assert "letters" in str(obstacle(folder / name))


def test_a_folder_that_is_not_there_will_not(folder: Path) -> None:
    assert "No such file" in str(obstacle(folder / "gone"))
    (folder / "file").write_text("")
    assert obstacle(folder / "file") is not None


def test_a_full_disk_will_not(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=100 << 20))
    assert obstacle(folder) == "it has 100 MiB free, and 2048 are needed"


def test_a_folder_of_one_user_alone_will_not_for_ordinary_users(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    private = folder / "private"
    (private / "tmp").mkdir(parents=True)
    private.chmod(0o700)
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert obstacle(private / "tmp") == f"{private} is closed to other users"
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    assert obstacle(private / "tmp") is None


@pytest.mark.skipif(os.geteuid() != 0, reason="mounts need root")
def test_a_mount_without_programs_will_not(folder: Path) -> None:
    (folder / "hard").mkdir()
    script = """
mount -t tmpfs -o noexec,nosuid,nodev,size=3g tmpfs "$1/hard"
exec "$2" -P -c 'import sys; from pathlib import Path; from hypervisor.workplace import obstacle
print(obstacle(Path(sys.argv[1])))' "$1/hard"
"""
    done = subprocess.run(
        ["unshare", "--mount", "sh", "-euc", script, "sh", folder, sys.executable],
        capture_output=True,
        text=True,
    )
    if "mount:" in done.stderr:
        pytest.skip(f"mounting is forbidden here: {done.stderr}")
    assert done.stdout == "programs may not run there (it is mounted noexec)\n"


def test_the_first_that_will_do_is_taken(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TMPDIR", str(folder))
    monkeypatch.setenv("XDG_CACHE_HOME", "/big")
    bad = {folder: "noexec", Path("/tmp"): "noexec"}
    monkeypatch.setattr(workplace, "obstacle", bad.get)
    assert find_workplace() == Path("/var/tmp")
    bad[Path("/var/tmp")] = "full"
    assert find_workplace() == Path("/big/halab")
    bad[Path("/big/halab")] = "closed"
    with pytest.raises(HalabError) as refused:
        find_workplace()
    assert refused.value.detail == "\n".join(f"{path}: {why}" for path, why in bad.items())
    assert "set TMPDIR" in str(refused.value.hint)


def test_the_recipe_can_be_read_and_run_by_everybody(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    checkout = tmp_path / "checkout"
    shutil.copytree(image.RECIPE, checkout)
    for path in (*checkout.iterdir(), checkout):
        path.chmod(0o700)
    monkeypatch.setattr(image, "RECIPE", checkout)
    before = os.umask(0o077)
    try:
        copy = image.copy_recipe(image.recipe_of(MachineRole.NODE), tmp_path / "copy")
    finally:
        os.umask(before)
    assert {path.stat().st_mode & 0o777 for path in (copy, *copy.iterdir())} == {0o755}
    names = {path.name for path in checkout.iterdir()} | {image.LEFT_ALONE, image.PREPARED}
    assert {path.name for path in copy.iterdir()} == names
