"""Guest images: Debian 13 with the software prebaked, cached by the content of their recipe."""

from __future__ import annotations

import hashlib
import json
import os
import shlex
import shutil
import subprocess
import tempfile
import tomllib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from core.command import run, start
from core.errors import CommandError, HalabError
from core.files import is_whole, seal
from core.folders import cache_folder
from core.locks import held
from core.saying import Say
from core.sizes import MIB
from hypervisor.namespaces import as_root_of_its_own, remove_folder
from hypervisor.workplace import find_workplace
from labs.kernels import Kernel
from labs.roles import MachineRole
from parts.all import KINDS
from parts.base import Part
from provisioning.packages import EVERYWHERE

RECIPE = Path(__file__).parent / "recipe"

FULL_KERNEL = {"linux-image-cloud-amd64": "linux-image-amd64"}
"""What an image with Debian's full kernel carries, by what it carries that in place of."""

LEFT_ALONE = "left-alone"
"""The file of a copied recipe that lists the units which no guest starts at its boot."""

PREPARED = "prepared"
"""The file of a copied recipe that a guest's root folder runs, when all else is in it."""

BOOT_KERNEL = tuple(
    RECIPE / name for name in ("boot_kernel.py", "boot-kernel.service", "kernel-is-up.service")
)
"""Lets a guest go on into the kernel of its own disk, which no boot loader reads."""

MAKE_DISK = RECIPE / "make-disk"
"""Makes a disk of a root folder, whatever is in it."""

OF_EVERY_RECIPE = (*BOOT_KERNEL, RECIPE / "guest", MAKE_DISK)
"""What guests of all kinds are made with."""

RELEASE = "trixie"

KEYS = Path(__file__).with_name(f"debian-{RELEASE}.asc")
"""Debian's keys for this release, from the package debian-archive-keyring 2025.1: an archive key, a
security key and a release key. A host that is older than the release, or no Debian, lacks them."""

TRUSTED = Path("/etc/apt/trusted.gpg.d")
"""Keys that this host's apt trusts everywhere; a mirror of one's own may be signed by them."""

RECIPE_VERSION = 1
"""Raise it when this module changes what comes out of the same recipe."""

DISK_SIZE = "4G"
"""What a guest sees as its root disk; the file is sparse."""

BUILD_TIMEOUT_S = 1800

ROOM_MIB = 4096
"""Free space that a build needs for its root folder, archive and disk side by side."""

MAIN_MIRROR = "http://deb.debian.org/debian"
SECURITY_MIRROR = "http://deb.debian.org/debian-security"

ENDS_WITH_US = (
    *("setpriv", "--pdeathsig", "TERM", "--", "setsid", "sh", "-c"),
    '"$@" & main=$!; trap "trap : TERM; kill -TERM 0" HUP INT TERM; '
    'wait "$main"; status=$?; wait "$main"; exit "$status"',
    "build",
)
"""A build that is killed takes its program along: the next build would meet it at work. All that
belongs to it is told, as mmdebstrap itself only waits for its children to hear of it."""

ENDS_WHOLLY = (
    *("setpriv", "--pdeathsig", "KILL", "--"),
    *("unshare", "--pid", "--fork", "--kill-child", "--"),
)
"""Likewise, with all that the program started, such as a running tar."""


@dataclass(frozen=True)
class Recipe:
    """What an image is made from.

    `files` are what the build runs and installs; `prepare` and `customize` among them are run
    before and after the packages come. `left_alone` are units that nothing starts at a boot.
    `prepared` is shell text that the guest's root folder runs. `name` tells one kind of image from
    the others.
    """

    name: str
    files: tuple[Path, ...]
    packages: tuple[str, ...]
    left_alone: tuple[str, ...] = ()
    prepared: str = ""

    @property
    def key(self) -> str:
        """The digest of everything that the image is made from, but for versions of packages."""
        digest = hashlib.sha256(f"{RECIPE_VERSION} {self.name} {RELEASE} {DISK_SIZE}".encode())
        for path in self.files:
            digest.update(path.name.encode() + b"\0" + path.read_bytes())
        digest.update(" ".join((*self.packages, *self.left_alone, self.prepared)).encode())
        return digest.hexdigest()[:12]


@dataclass(frozen=True)
class Image:
    """A bootable image: a qcow2 root disk, the kernel and its initrd; `key` names its recipe."""

    name: str
    disk: Path
    kernel: Path
    initrd: Path
    key: str

    @property
    def files(self) -> tuple[Path, ...]:
        """Everything that belongs to it."""
        return self.disk, self.kernel, self.initrd, self.disk.parent / "recipe.json"


def recipe_of(role: MachineRole, kernel: Kernel = Kernel.CLOUD) -> Recipe:
    """Return what guests of a role are made from, with either kernel."""
    return Recipe(
        role.value,
        tuple(files_in(RECIPE)),
        tuple(packages(role, kernel)),
        tuple(left_alone(kernel)),
        prepared(role, kernel),
    )


def files_in(folder: Path) -> list[Path]:
    """Return the files of a recipe; Python may have put a folder beside a program of it."""
    return sorted(path for path in folder.iterdir() if path.is_file())


def packages(role: MachineRole, kernel: Kernel = Kernel.CLOUD) -> list[str]:
    """Return the Debian packages that guests of this role, with this kernel, carry."""
    listed = tomllib.loads((RECIPE / "packages.toml").read_text())
    needed = (*listed["common"], *listed[role.value], *needed_by_parts(role, kernel))
    instead = FULL_KERNEL if kernel is Kernel.FULL else {}
    return list(dict.fromkeys(instead.get(name, name) for name in needed))


def needed_by_parts(role: MachineRole, kernel: Kernel) -> list[str]:
    """Return the packages that the parts of any lab need which begins with an image of halab's."""
    node = role is MachineRole.NODE
    found = {
        name
        for kind in kinds_on(kernel)
        if not kind.cloud_only
        for name in (kind.node_packages if node else kind.monitor_packages)
    }
    return sorted(found | set(EVERYWHERE))


def left_alone(kernel: Kernel) -> list[str]:
    """Return the units that only a cluster starts, of all kinds of parts that can be there."""
    return sorted({unit for kind in kinds_on(kernel) for unit in kind.left_alone})


def prepared(role: MachineRole, kernel: Kernel) -> str:
    """Return what the parts of all kinds have an image do, each in a shell of its own."""
    node = role is MachineRole.NODE
    texts = (kind.node_prepared if node else kind.monitor_prepared for kind in kinds_on(kernel))
    return "".join(f"(\n{text})\n" for text in dict.fromkeys(texts) if text)


def kinds_on(kernel: Kernel) -> tuple[type[Part], ...]:
    """Return the kinds of parts that nodes with this kernel can have."""
    full = kernel is Kernel.FULL
    return tuple(kind for kind in KINDS if full or not kind.needs_full_kernel)


def cached(recipe: Recipe) -> Image | None:
    """Return the image of a recipe if it was built before and is whole."""
    return _whole(_image(recipe))


def ensure(recipe: Recipe, report: Say = lambda _: None) -> Image:
    """Return the image of a recipe and build it if the cache does not hold it.

    Raises HalabError with the end of the build's output when it fails; nothing half built stays.
    """
    images = cache_folder() / "images"
    images.mkdir(parents=True, exist_ok=True)
    waiting = f"{recipe.name} image: waiting for another halab that is building one"
    with held(images / f".{recipe.name}.lock", busy=lambda _: report(waiting)):
        image = _image(recipe)
        if _whole(image):
            return image
        _check_room(images)
        _remove_abandoned(images, recipe)
        with _draft_folder(images, recipe) as draft:
            _build(recipe, draft, report)
            seal(draft, [draft / path.name for path in image.files])
            # What stands there is damaged; labs have copies of their own.
            remove_folder(image.disk.parent)
            draft.replace(image.disk.parent)
    return image


def remove_stale(recipes: Iterable[Recipe] | None = None) -> list[Path]:
    """Remove images of older recipes, by default the roles', and return their folders."""
    usual = (recipe_of(role, kernel) for role in MachineRole for kernel in Kernel)
    wanted = tuple(usual if recipes is None else recipes)
    keep = {_image(recipe).disk.parent for recipe in wanted}
    names = {recipe.name for recipe in wanted}
    found = [path for name in names for path in (cache_folder() / "images").glob(f"{name}-*")]
    removed = [path for path in found if path not in keep]
    for path in removed:
        shutil.rmtree(path)
    return removed


def _image(recipe: Recipe) -> Image:
    folder = cache_folder() / "images" / f"{recipe.name}-{recipe.key}"
    disk, kernel, initrd = folder / "disk.qcow2", folder / "kernel", folder / "initrd"
    return Image(recipe.name, disk, kernel, initrd, recipe.key)


def _whole(image: Image) -> Image | None:
    return image if is_whole(image.disk.parent, image.files) else None


def _build(recipe: Recipe, draft: Path, report: Say) -> None:
    # Hooks of an ordinary user's mmdebstrap run under a foreign uid that cannot enter a home.
    place = find_workplace()
    with _open_folder(place) as scratch:
        copied = copy_recipe(recipe, scratch / "recipe")
        archive = draft.parent / "root.tar"
        keys = _gather_keys(scratch / "keys")
        count = len(recipe.packages)
        report(f"{recipe.name} image: installing Debian {RELEASE} with {count} packages")
        command = _mmdebstrap(recipe, copied, keys)
        _run_logged(command, place, archive, draft.parent / "build.log")
        report(f"{recipe.name} image: making the disk")
        script = as_root_of_its_own([*ENDS_WHOLLY, "sh", "-eu", copied / MAKE_DISK.name])
        run(
            [*script, archive, draft, DISK_SIZE],
            timeout=BUILD_TIMEOUT_S,
            hint="a full disk is the usual cause: `df -h` shows it",
        )
    (draft / "recipe.json").write_text(
        json.dumps({"role": recipe.name, "release": RELEASE, "packages": recipe.packages}, indent=2)
    )


def _gather_keys(folder: Path) -> Path:
    """Fill a folder with the keys by which packages may be signed; apt reads all of them."""
    folder.mkdir()
    for path in (KEYS, *TRUSTED.glob("*.gpg"), *TRUSTED.glob("*.asc")):
        shutil.copy(path, folder)
    for path in (folder, *folder.iterdir()):
        path.chmod(0o755 if path.is_dir() else 0o644)
    return folder


def copy_recipe(recipe: Recipe, folder: Path) -> Path:
    """Copy everything that a build runs to `folder`, for any user to read and run.

    A checkout of a careful person (umask 077) is open to its owner alone.
    """
    folder.mkdir()
    for path in recipe.files:
        shutil.copyfile(path, folder / path.name)
    (folder / LEFT_ALONE).write_text("\n".join(recipe.left_alone))
    (folder / PREPARED).write_text(recipe.prepared)
    for path in folder.iterdir():
        path.chmod(0o755)
    folder.chmod(0o755)
    return folder


def _mmdebstrap(recipe: Recipe, copied: Path, keys: Path) -> list[str]:
    proxy = apt_proxy()
    main, security = mirrors()
    names = {path.name for path in recipe.files}
    return [
        "mmdebstrap",
        "--variant=minbase",
        f"--mode={'root' if os.geteuid() == 0 else 'unshare'}",
        f"--include={','.join(recipe.packages)}",
        # Guests have Debian's keys where apt looks; the host's are not written into their sources.
        f"--keyring={keys}",
        "--skip=check/signed-by",
        *(f"--dpkgopt=path-exclude=/usr/share/{part}/*" for part in ("man", "locale", "doc")),
        *([f'--aptopt=Acquire::http::Proxy "{proxy}"'] if proxy else []),
        *(
            f'--{moment}-hook={copied}/{script} "$1" {copied} {recipe.name}'
            for moment, script in (("essential", "prepare"), ("customize", "customize"))
            if script in names
        ),
        RELEASE,
        "-",
        f"deb {main} {RELEASE} main",
        f"deb {main} {RELEASE}-updates main",
        f"deb {security} {RELEASE}-security main",
    ]


def apt_proxy() -> str:
    """Return the proxy through which this host's apt gets its packages; empty for none."""
    told = run(["apt-config", "shell", "p", "Acquire::http::Proxy"], check=False).stdout
    return told.partition("=")[2].strip().strip("'")


def mirrors() -> tuple[str, str]:
    """Return the mirrors that this host uses, so that a local one serves guests as well."""
    line = "$(REPO_URI) $(ORIGIN) $(LABEL)"
    command = ["apt-get", "indextargets", "--format", line, "Created-By: Packages"]
    listed = run(command, check=False).stdout
    found = dict.fromkeys(line.strip() for line in listed.splitlines())
    main = [line.split()[0] for line in found if line.endswith(" Debian Debian")]
    security = [line.split()[0] for line in found if line.endswith(" Debian Debian-Security")]
    return (
        (main[0] if main else MAIN_MIRROR).rstrip("/"),
        (security[0] if security else SECURITY_MIRROR).rstrip("/"),
    )


def _run_logged(command: list[str], place: Path, output: Path, log: Path) -> None:
    with output.open("wb") as archive, log.open("w") as errors:
        process = start(
            [*ENDS_WITH_US, *command],
            stdin=subprocess.DEVNULL,
            stdout=archive,
            stderr=errors,
            env={"TMPDIR": str(place)},
        )
        try:
            status = process.wait(BUILD_TIMEOUT_S)
        except BaseException:
            # mmdebstrap unmounts and removes its folder when it is asked to end.
            process.terminate()
            process.wait(60)
            raise
    if status != 0:
        tail = "\n".join(log.read_text(errors="replace").splitlines()[-15:])
        raise CommandError(
            shlex.join(command),
            status=status,
            stderr=tail,
            hint="is the Debian mirror reachable and the disk not full? `./halab up` tries again",
        )


@contextmanager
def _open_folder(place: Path) -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="halab-image-", dir=place) as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


def _check_room(folder: Path) -> None:
    free = shutil.disk_usage(folder).free // MIB
    if free < ROOM_MIB:
        raise HalabError(
            f"{folder} has {free} MiB free; building an image needs {ROOM_MIB} MiB",
            hint="free some space, or set XDG_CACHE_HOME to a folder on a larger disk",
        )


def _remove_abandoned(images: Path, recipe: Recipe) -> None:
    """Remove drafts of builds that were killed; their lock is ours now."""
    for path in images.glob(f".{recipe.name}-*"):
        remove_folder(path)


@contextmanager
def _draft_folder(images: Path, recipe: Recipe) -> Iterator[Path]:
    """Give a folder beside the finished images; what is left in it goes, however this ends."""
    folder = Path(tempfile.mkdtemp(prefix=f".{recipe.name}-", dir=images))
    draft = folder / "image"
    draft.mkdir()
    try:
        yield draft
    finally:
        remove_folder(folder)
