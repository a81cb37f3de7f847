"""Guest images: what names them, and what stays when a build ends badly."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace

import pytest

from core.errors import CommandError, HalabError
from core.files import SEAL
from core.locks import held
from core.processes import is_alive
from core.saying import Say
from core.wait import wait_until
from hypervisor import image
from labs.kernels import Kernel
from labs.loading import load
from labs.roles import MachineRole
from parts.all import Parts
from parts.storage.gfs2 import Gfs2
from parts.system.time import Time
from provisioning import packages
from tests.unit.composed_labs import LABS, kernel_in
from tests.unit.planned_lab import OFFERED

NODE, MONITOR = MachineRole.NODE, MachineRole.MONITOR


@pytest.fixture
def images(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(image, "ROOM_MIB", 0)
    return tmp_path / "halab" / "images"


@pytest.fixture
def recipe(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    copy = tmp_path / "recipe"
    shutil.copytree(image.RECIPE, copy)
    monkeypatch.setattr(image, "RECIPE", copy)
    return copy


def pretend_build(recipe: image.Recipe, draft: Path, report: Say) -> None:
    for name in ("disk.qcow2", "kernel", "initrd", "recipe.json"):
        (draft / name).write_text(recipe.name)


def visible(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if not path.name.endswith(".lock"))


def test_roles_have_different_images() -> None:
    assert image.recipe_of(NODE).key != image.recipe_of(MONITOR).key


@pytest.mark.parametrize("name", [path.name for path in image.files_in(image.RECIPE)])
def test_every_file_of_the_recipe_counts(recipe: Path, name: str) -> None:
    before = image.recipe_of(NODE).key
    with (recipe / name).open("a") as file:
        file.write("# changed\n")
    assert image.recipe_of(NODE).key != before


def test_a_new_file_in_the_recipe_counts(recipe: Path) -> None:
    before = image.recipe_of(NODE).key
    (recipe / "another").write_text("")
    assert image.recipe_of(NODE).key != before


def test_what_python_puts_beside_a_program_is_no_part_of_the_recipe(recipe: Path) -> None:
    before = image.recipe_of(NODE).key
    (recipe / "__pycache__").mkdir(exist_ok=True)
    assert image.recipe_of(NODE).key == before


def test_a_guest_has_one_kernel_and_the_full_one_where_its_lab_needs_that() -> None:
    for kernel in Kernel:
        carried = image.packages(NODE, kernel)
        kernels = [name for name in carried if name.startswith("linux-image-")]
        assert kernels == [
            "linux-image-amd64" if kernel is Kernel.FULL else "linux-image-cloud-amd64"
        ]
    wanted = {name: load(name).kernel(NODE) for name in OFFERED}
    assert {name for name, kernel in wanted.items() if kernel is Kernel.FULL} == {
        "cluster-filesystem"
    }
    assert {load(name).kernel(MONITOR) for name in OFFERED} == {Kernel.CLOUD}


def test_images_with_either_kernel_stand_side_by_side(
    images: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(image, "_build", pretend_build)
    built = {kernel: image.ensure(image.recipe_of(NODE, kernel)).key for kernel in Kernel}
    assert visible(images) == sorted(f"node-{key}" for key in built.values())
    assert image.remove_stale() == []
    assert image.cached(image.recipe_of(NODE, Kernel.FULL))


def test_the_recipes_scripts_are_shell() -> None:
    scripts = [p for p in image.files_in(image.RECIPE) if p.read_text().startswith("#!/bin/sh")]
    assert scripts
    for script in scripts:
        subprocess.run(["sh", "-n", script], check=True)


@pytest.mark.parametrize("kernel", list(Kernel))
@pytest.mark.parametrize("role", list(MachineRole))
def test_an_image_carries_what_parts_of_all_kinds_need_and_says_which(
    role: MachineRole, kernel: Kernel
) -> None:
    made = [lab for lab in LABS.values() if lab.cloud is None]
    labs = [Parts(lab) for lab in made if kernel_in(lab) in (Kernel.CLOUD, kernel)]
    needed = {package for lab in labs for package in packages.wanted(lab, role)}
    assert image.needed_by_parts(role, kernel) == sorted(needed)
    assert needed <= set(image.packages(role, kernel))
    assert len(image.packages(role, kernel)) == len(set(image.packages(role, kernel)))


def test_nothing_starts_in_a_guest_that_a_lab_leaves_to_its_cluster(tmp_path: Path) -> None:
    recipes = {
        kernel: image.copy_recipe(image.recipe_of(NODE, kernel), tmp_path / kernel)
        for kernel in Kernel
    }
    disabled = {
        kernel: words_after("disable", recipe / "customize", recipe)
        for kernel, recipe in recipes.items()
    }
    for lab in LABS.values():
        for part in Parts(lab).every:
            assert set(part.strangers(NODE)) <= disabled[kernel_in(lab)]


def test_an_image_is_another_one_when_a_part_needs_something_else(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    node, monitor = image.recipe_of(NODE).key, image.recipe_of(MONITOR).key
    monkeypatch.setattr(Time, "node_packages", ("another-clock",))
    assert image.recipe_of(NODE).key != node
    assert image.recipe_of(MONITOR).key == monitor
    node = image.recipe_of(NODE).key
    monkeypatch.setattr(Time, "node_prepared", "set the clock")
    assert image.recipe_of(NODE).key != node
    assert image.recipe_of(MONITOR).key == monitor
    monkeypatch.setattr(Time, "left_alone", ("another-clock.service",))
    assert image.recipe_of(MONITOR).key != monitor


def test_what_one_part_has_an_image_do_ends_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(image, "KINDS", (Time, Gfs2))
    monkeypatch.setattr(Time, "node_prepared", "set -- mine; echo time; exit 0\n")
    monkeypatch.setattr(Gfs2, "node_prepared", "trap 'echo end' EXIT; echo \"gfs2 $#\"\n")
    recipe = image.copy_recipe(image.recipe_of(NODE, Kernel.FULL), tmp_path / "recipe")
    told = subprocess.run(
        ["sh", "-eu"], stdin=(recipe / image.PREPARED).open(), capture_output=True, text=True
    )
    assert (told.stdout, told.returncode) == ("time\ngfs2 0\nend\n", 0)
    assert "gfs2" not in image.recipe_of(NODE).prepared


@pytest.mark.parametrize("said", ["node_packages", "left_alone"])
def test_what_a_part_needs_of_the_full_kernel_is_in_images_with_that_alone(
    monkeypatch: pytest.MonkeyPatch, said: str
) -> None:
    usual, full = image.recipe_of(NODE).key, image.recipe_of(NODE, Kernel.FULL).key
    assert usual != full
    monkeypatch.setattr(Gfs2, said, ("another-lock-manager",))
    assert image.recipe_of(NODE).key == usual
    assert image.recipe_of(NODE, Kernel.FULL).key != full


def words_after(command: str, script: Path, recipe: Path) -> set[str]:
    """Return what a shell that reads a script's lines of this command makes of them."""
    lines = [line for line in script.read_text().splitlines() if line.startswith(f"{command} ")]
    text = "\n".join((f'{command}() {{ printf "%s\\n" "$@"; }}', *lines))
    told = subprocess.run(
        ["sh", "-eu", "-c", text],
        env={"recipe": str(recipe), "PATH": os.environ["PATH"]},
        check=True,
        capture_output=True,
        text=True,
    )
    return set(told.stdout.split())


def test_no_node_has_a_database_that_nobody_asked_for(tmp_path: Path) -> None:
    place = "etc/postgresql-common/createcluster.conf"
    made = {}
    for role in MachineRole:
        root = tmp_path / role
        root.mkdir()
        script = image.RECIPE / "prepare"
        subprocess.run(["sh", script, root, image.RECIPE, role], check=True)
        made[role] = [str(path.relative_to(root)) for path in root.rglob("*") if path.is_file()]
    assert made == {NODE: [place], MONITOR: []}
    assert "\ncreate_main_cluster = false\n" in (tmp_path / NODE / place).read_text()


def test_an_image_is_prepared_before_its_packages_come(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(image, "run", lambda *_, **__: SimpleNamespace(stdout=""))
    command = image._mmdebstrap(image.recipe_of(NODE), Path("/recipe"), Path("/keys"))
    hooks = [word for word in command if "-hook=" in word]
    assert hooks == [
        '--essential-hook=/recipe/prepare "$1" /recipe node',
        '--customize-hook=/recipe/customize "$1" /recipe node',
    ]


def test_an_image_is_built_once(images: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(image, "_build", pretend_build)
    assert image.cached(image.recipe_of(NODE)) is None
    built = image.ensure(image.recipe_of(NODE))
    monkeypatch.setattr(image, "_build", lambda *_: pytest.fail("built again"))
    assert image.ensure(image.recipe_of(NODE)) == built == image.cached(image.recipe_of(NODE))
    assert built.disk.read_text() == "node"
    assert visible(images) == [f"node-{built.key}"]


def test_a_build_waits_for_another_of_its_kind_and_says_so(
    images: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(image, "_build", pretend_build)
    images.mkdir(parents=True)
    told: list[str] = []
    with ThreadPoolExecutor() as pool:
        with held(images / ".node.lock"):
            image.ensure(image.recipe_of(MONITOR), told.append)
            waiting = pool.submit(image.ensure, image.recipe_of(NODE), told.append)
            wait_until(lambda: told, bool, what="word from who waits", timeout=10, interval=0.01)
            assert not waiting.done()
        waiting.result(timeout=10)
    assert told == ["node image: waiting for another halab that is building one"]


@pytest.mark.parametrize("name", ["disk.qcow2", "kernel", "initrd", "recipe.json", SEAL])
@pytest.mark.parametrize("damage", ["cut", "lost"])
def test_an_image_that_was_cut_off_is_built_again(
    images: Path, monkeypatch: pytest.MonkeyPatch, name: str, damage: str
) -> None:
    monkeypatch.setattr(image, "_build", pretend_build)
    folder = image.ensure(image.recipe_of(NODE)).disk.parent
    path = folder / name
    whole = path.read_bytes()
    if damage == "cut":
        path.write_bytes(whole[:-1])
    else:
        path.unlink()
    assert image.cached(image.recipe_of(NODE)) is None
    image.ensure(image.recipe_of(NODE))
    assert image.cached(image.recipe_of(NODE)) is not None
    assert path.read_bytes() == whole


@pytest.mark.parametrize("ending", [KeyboardInterrupt, HalabError("no mirror")])
def test_a_build_that_ends_badly_leaves_nothing(
    images: Path, monkeypatch: pytest.MonkeyPatch, ending: BaseException
) -> None:
    def fail(recipe: image.Recipe, draft: Path, report: Say) -> None:
        pretend_build(recipe, draft, report)
        raise ending

    monkeypatch.setattr(image, "_build", fail)
    with pytest.raises((KeyboardInterrupt, HalabError)):
        image.ensure(image.recipe_of(NODE))
    assert visible(images) == []
    assert image.cached(image.recipe_of(NODE)) is None


def test_a_failing_bootstrap_is_told_in_its_own_words(
    images: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    script = "i=0; while [ $i -lt 99 ]; do i=$((i + 1)); echo line $i >&2; done; exit 25"
    monkeypatch.setattr(image, "_mmdebstrap", lambda *_: ["sh", "-c", script])
    with pytest.raises(CommandError) as failure:
        image.ensure(image.recipe_of(NODE))
    assert failure.value.status == 25
    assert "line 99" in failure.value.stderr
    assert "line 50\n" not in failure.value.stderr
    assert visible(images) == []


def test_what_a_killed_build_left_goes_with_the_next(
    images: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (images / ".node-abandoned" / "image" / "root").mkdir(parents=True)
    (images / ".monitor-at-work").mkdir()
    monkeypatch.setattr(image, "_build", pretend_build)
    built = image.ensure(image.recipe_of(NODE))
    assert visible(images) == [".monitor-at-work", f"node-{built.key}"]


def test_images_of_older_recipes_are_removed(images: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(image, "_build", pretend_build)
    kept = image.ensure(image.recipe_of(MONITOR))
    old = images / "monitor-0123456789ab"
    old.mkdir()
    assert image.remove_stale() == [old]
    assert visible(images) == [f"monitor-{kept.key}"]


def test_a_full_disk_is_said_before_anything_is_built(
    images: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(image, "ROOM_MIB", 4096)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=100 * 2**20))
    monkeypatch.setattr(image, "_build", lambda *_: pytest.fail("built"))
    with pytest.raises(HalabError, match="100 MiB free"):
        image.ensure(image.recipe_of(NODE))
    assert visible(images) == []


@pytest.mark.parametrize(
    ("listed", "main", "security"),
    [
        ("", image.MAIN_MIRROR, image.SECURITY_MIRROR),
        (
            "http://mirror.example/debian/ Debian Debian\n"
            "http://mirror.example/debian/ Debian Backports Debian Backports\n"
            "http://mirror.example/security/ Debian Debian-Security\n"
            "https://tools.example/apt tools tools\n",
            "http://mirror.example/debian",
            "http://mirror.example/security",
        ),
    ],
)
def test_the_hosts_mirror_is_used(
    monkeypatch: pytest.MonkeyPatch, listed: str, main: str, security: str
) -> None:
    monkeypatch.setattr(image, "run", lambda *_, **__: SimpleNamespace(stdout=listed))
    assert image.mirrors() == (main, security)


def test_guests_packages_are_checked_by_debians_keys_on_any_host(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "trusted").mkdir()
    (tmp_path / "trusted" / "mirror-of-ours.asc").touch(mode=0o600)
    (tmp_path / "trusted" / "notes.txt").touch()
    monkeypatch.setattr(image, "TRUSTED", tmp_path / "trusted")
    monkeypatch.setattr(image, "run", lambda *_, **__: SimpleNamespace(stdout=""))
    keys = image._gather_keys(tmp_path / "keys")
    assert sorted(path.name for path in keys.iterdir()) == [
        "debian-trixie.asc",
        "mirror-of-ours.asc",
    ]
    # apt reads them as a user of its own.
    assert {path.stat().st_mode & 0o777 for path in keys.iterdir()} == {0o644}
    assert f"--keyring={keys}" in image._mmdebstrap(image.recipe_of(NODE), tmp_path, keys)


@pytest.mark.parametrize("end", [signal.SIGKILL, signal.SIGTERM])
def test_a_build_whose_halab_ends_goes_with_it(tmp_path: Path, end: signal.Signals) -> None:
    # Told to end, mmdebstrap waits for its children, who were told nothing.
    note = tmp_path / "child"
    waits = (
        "import pathlib, signal, subprocess; signal.signal(signal.SIGTERM, lambda *_: None); "
        f"child = subprocess.Popen(['sleep', '300']); pathlib.Path({str(note)!r}).write_text("
        "str(child.pid)); child.wait()"
    )
    command = [*image.ENDS_WITH_US, sys.executable, "-c", waits]
    halab = subprocess.Popen(
        [sys.executable, "-c", f"import subprocess; subprocess.run({command!r})"]
    )
    child = wait_until(
        lambda: note.read_text() if note.exists() else "",
        bool,
        what="the build's child begins",
        timeout=20,
        interval=0.1,
    )
    halab.send_signal(end)
    halab.wait(10)
    wait_until(
        lambda: is_alive(int(child)),
        lambda alive: not alive,
        what="the build's child ends",
        timeout=10,
        interval=0.1,
    )


@pytest.mark.parametrize("status", [0, 25])
def test_a_build_ends_as_its_program_does(status: int) -> None:
    done = subprocess.run([*image.ENDS_WITH_US, "sh", "-c", f"exit {status}"], check=False)
    assert done.returncode == status
