"""Environments that the launcher made are removed once no checkout would use them."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
from typer.testing import CliRunner

from cli.app import app
from core.folders import PROJECT
from hypervisor.environments import forsaken, remove


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    folder = tmp_path / "cache" / "halab"
    folder.mkdir(parents=True)
    return folder


def checkout(folder: Path) -> Path:
    """Return a checkout as far as the launcher looks at one."""
    folder.mkdir(parents=True)
    (folder / "requirements.lock").write_text("one==1\n")
    return folder


def environment(cache: Path, checkout: Path, *, ready: bool = True) -> Path:
    """Make what the launcher makes for a checkout, under the name that it gives to that."""
    launcher = (PROJECT / "halab").read_text()
    [line] = [line for line in launcher.splitlines() if line.startswith("key=")]
    script = f"checkout=$1 lock_file=$1/requirements.lock\n{line}\necho $key"
    done = subprocess.run(
        ["sh", "-euc", script, "sh", str(checkout)], capture_output=True, text=True, check=True
    )
    made = cache / f"venv-{done.stdout.strip()}"
    packages = made / "lib" / "python3.11" / "site-packages"
    packages.mkdir(parents=True)
    (packages / "halab.pth").write_text(f"import sys; sys.path.append({str(checkout)!a})\n")
    if ready:
        (made / "ready").touch()
    return made


@pytest.mark.parametrize("name", ["one", "Größe 'x' \"y\""])
def test_that_of_a_checkout_stays_until_the_checkout_goes(
    cache: Path, tmp_path: Path, name: str
) -> None:
    place = checkout(tmp_path / name)
    made = environment(cache, place)
    assert forsaken() == ()

    shutil.rmtree(place)
    assert forsaken() == (made,)
    remove(forsaken())
    assert not made.exists()


def test_other_packages_make_another_one(cache: Path, tmp_path: Path) -> None:
    place = checkout(tmp_path / "one")
    former = environment(cache, place)
    (place / "requirements.lock").write_text("one==2\n")
    environment(cache, place)

    assert forsaken() == (former,)


def test_one_that_is_being_made_is_left_alone(cache: Path, tmp_path: Path) -> None:
    place = checkout(tmp_path / "one")
    environment(cache, place, ready=False)
    shutil.rmtree(place)

    assert forsaken() == ()


def test_the_command_shows_and_removes_them(cache: Path, tmp_path: Path) -> None:
    place = checkout(tmp_path / "one")
    made = environment(cache, place)
    shutil.rmtree(place)

    shown = CliRunner().invoke(app, ["cache"])
    assert "Python environments that no checkout uses, half a GiB each: 1" in shown.stdout
    assert CliRunner().invoke(app, ["cache", "clean"]).exit_code == 0
    assert not made.exists()
