"""The files of a new filesystem have their room: a full disk must not stop a database."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from parts.host import program

FILL = """
truncate -s 3M "$1/all zeros"
mkdir "$1/base"
printf 'one\\n' >"$1/base/two
lines"
truncate -s 2M "$1/base/zeros"
: >"$1/empty"
ln -s empty "$1/link"
"""

PROGRAMS = {
    # mke2fs leaves out blocks of zeros, and what it made is there once it is mounted.
    "mke2fs": 'while [ "$1" != -d ]; do shift; done; cp -a --sparse=always "$2" made\n',
    "mount": 'rmdir "$4" && mv made "$4"\n',
    "unshare": 'shift && "$@" && mv "$5" mounted && mkdir "$5"\n',
}
"""What takes root's rights, without."""


def test_all_files_have_their_blocks(tmp_path: Path) -> None:
    tools = tmp_path / "bin"
    tools.mkdir()
    for name, text in PROGRAMS.items():
        (tools / name).write_text(f"#!/bin/sh\nset -eu\n{text}")
        (tools / name).chmod(0o755)
    script = f'{program("make_filesystem.sh")}\nmake_filesystem /dev/none lab "$0" nodiscard'
    subprocess.run(
        ["sh", "-euc", script, FILL],
        cwd=tmp_path,
        env={"PATH": f"{tools}:{os.environ['PATH']}", "TMPDIR": str(tmp_path)},
        check=True,
    )
    made = {
        str(path.relative_to(tmp_path / "mounted")): path.lstat()
        for path in (tmp_path / "mounted").rglob("*")
        if path.is_file() and not path.is_symlink()
    }
    sizes = {"all zeros": 3 << 20, "base/two\nlines": 4, "base/zeros": 2 << 20, "empty": 0}
    assert {name: stat.st_size for name, stat in made.items()} == sizes
    assert {name for name, stat in made.items() if stat.st_blocks * 512 < stat.st_size} == set()
