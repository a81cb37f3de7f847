"""The launcher: where it may not make its environment, it says so in a sentence."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest

from core.environment import KEPT
from core.folders import PROJECT

AS_ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="mounts need root")


def launch(*before: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*before, str(PROJECT / "halab"), "list"],
        capture_output=True,
        text=True,
        env={"PATH": os.environ["PATH"], **environment},
    )


@pytest.mark.parametrize(
    ("environment", "said"),
    [
        ({"XDG_CACHE_HOME": "/etc/hostname"}, "'/etc/hostname': Not a directory"),
        ({"XDG_CACHE_HOME": "/proc/1"}, "'/proc/1/halab': No such file or directory"),
        ({"XDG_CACHE_HOME": "/a:b"}, "holds a colon"),
        ({"XDG_CACHE_HOME": "relative", "HOME": "/etc/hostname"}, "'/etc/hostname"),
        ({"HOME": "/etc/hostname"}, "'/etc/hostname"),
    ],
)
def test_a_bad_place_is_one_sentence_with_a_way_out(environment: dict[str, str], said: str) -> None:
    done = launch(**environment)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("halab: ")
    assert said in done.stderr
    assert "set XDG_CACHE_HOME to another folder" in done.stderr
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize("path", ["", "/no/such/folder", "bin:."])
def test_the_systems_programs_are_found_whatever_path_says(path: str) -> None:
    done = launch(XDG_CACHE_HOME="/etc/hostname", PATH=path)
    assert done.stderr.startswith("halab: cannot create directory '/etc/hostname'")


def test_pip_hears_the_same_from_the_launcher_as_from_halab(tmp_path: Path) -> None:
    function = re.search(r"^pip\(\) \{\n.*?^\}", (PROJECT / "halab").read_text(), re.M | re.S)
    assert function is not None
    kept = {name for name in KEPT if name.startswith("PIP_")}
    assert set(re.findall(r"PIP_[A-Z]\w+", function[0])) == kept

    python = tmp_path / "bin/python"
    python.parent.mkdir()
    python.write_text("#!/bin/sh\nenv\n")
    python.chmod(0o755)
    told = dict.fromkeys((*kept, "PIP_TARGET", "PIP_USER", "PIP_PREFIX"), "x")
    heard = subprocess.run(
        ["bash", "-c", f"venv={tmp_path}\n{function[0]}\npip"],
        capture_output=True,
        text=True,
        env={"PATH": os.environ["PATH"], **told},
    ).stdout
    assert set(re.findall(r"^(PIP_\w+)=", heard, re.M)) == kept


def test_nobody_without_a_home_is_left_alone() -> None:
    if os.geteuid() != 0:
        pytest.skip("another user's part needs root")
    done = launch("setpriv", "--reuid=12345", "--regid=12345", "--clear-groups")
    assert done.stderr == (
        "halab: HOME is not set: set it, or both XDG_CACHE_HOME and XDG_STATE_HOME\n"
    )


@AS_ROOT
@pytest.mark.parametrize(
    ("options", "said"),
    [
        ("noexec,size=2g", "programs may not run in "),
        ("ro", "Read-only file system"),
        ("size=1m", "has 1 MiB free, and Python packages take 600"),
    ],
)
def test_a_mount_that_will_not_do(tmp_path: Path, options: str, said: str) -> None:
    script = 'mount -t tmpfs -o "$1" tmpfs "$2" && shift 2 && exec "$@"'
    mounted = ["unshare", "--mount", "sh", "-c", script, "sh", options, str(tmp_path)]
    done = launch(*mounted, XDG_CACHE_HOME=str(tmp_path))
    if done.stderr.startswith("mount"):
        pytest.skip(f"mounting is forbidden here: {done.stderr}")
    assert done.returncode == 1
    assert said in done.stderr
    assert "set XDG_CACHE_HOME to another folder" in done.stderr
    assert done.stderr.count("\n") == 1
