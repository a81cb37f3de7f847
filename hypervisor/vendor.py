"""The Pulumi toolchain as its vendor publishes it."""

from __future__ import annotations

import hashlib
import platform
import tarfile
import urllib.request
from pathlib import Path
from typing import IO

from core.command import run
from core.errors import HalabError
from core.saying import Say

RELEASES = "https://github.com/pulumi/pulumi/releases/download"
"""Where https://get.pulumi.com/install.sh looks first; the checksums are only here."""
ARCHITECTURES = {"x86_64": "x64", "aarch64": "arm64"}
PROGRAMS = (
    "pulumi",
    "pulumi-language-python",
    "pulumi-language-python-exec",
    "pulumi-resource-pulumi-python",
)
"""What halab needs of the hundreds of MB in the archive."""

PATIENCE_S = 8.0
"""Seconds of silence after which the vendor counts as unreachable."""
PLUGIN_TIMEOUT_S = 180
BLOCK = 1 << 20


def download(pulumi: str, libvirt: str, bin_folder: Path, home: Path, report: Say) -> None:
    """Download Pulumi and its libvirt plugin, in these versions, and check the archive's SHA-256.

    Raises HalabError when the vendor cannot be reached within seconds or sends something else.
    """
    machine = platform.machine()
    if machine not in ARCHITECTURES:
        raise HalabError(f"Pulumi is not published for {machine}")
    archive = f"pulumi-v{pulumi}-linux-{ARCHITECTURES[machine]}.tar.gz"
    packed = bin_folder.parent / archive
    report("downloading Pulumi")
    try:
        sums = _fetch_text(f"{RELEASES}/v{pulumi}/pulumi-{pulumi}-checksums.txt")
        _fetch_file(f"{RELEASES}/v{pulumi}/{archive}", packed, report)
    except OSError as error:  # urllib's errors and time-outs are OSErrors
        raise HalabError(f"{RELEASES} cannot be used: {error}") from error
    check_sum(packed, sums)
    bin_folder.mkdir(parents=True, exist_ok=True)
    with tarfile.open(packed) as tar:
        unpack(tar, bin_folder)
    packed.unlink()
    report("downloading Pulumi's libvirt plugin")
    install_plugin(bin_folder / "pulumi", home, "libvirt", libvirt, PLUGIN_TIMEOUT_S)


def install_plugin(pulumi: Path, home: Path, name: str, version: str, timeout: float) -> None:
    """Let `pulumi` download a provider's plugin into its home folder; `timeout` is in seconds.

    Raises CommandError with Pulumi's own words.
    """
    run(
        [pulumi, "plugin", "install", "resource", name, version],
        env={"PULUMI_HOME": str(home), "PULUMI_SKIP_UPDATE_CHECK": "1"},
        timeout=timeout,
    )


def check_sum(path: Path, sums: str) -> None:
    """Compare a file with its line in the output of sha256sum; raises HalabError."""
    wanted = [line.split()[0] for line in sums.splitlines() if line.split()[1:] == [path.name]]
    with path.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if wanted != [found]:
        raise HalabError(
            f"{path.name} does not have the published checksum",
            detail=f"published: {' '.join(wanted) or 'none'}\nfound:     {found}",
        )


def unpack(tar: tarfile.TarFile, folder: Path) -> None:
    """Extract the programs that halab needs; raises HalabError when one is missing."""
    members = {Path(member.name).name: member for member in tar.getmembers() if member.isfile()}
    missing = [name for name in PROGRAMS if name not in members]
    if missing:
        raise HalabError(f"the archive lacks {', '.join(missing)}")
    for name in PROGRAMS:
        content = tar.extractfile(members[name])
        assert content is not None
        (folder / name).write_bytes(content.read())
        (folder / name).chmod(0o755)


def _open(url: str) -> IO[bytes]:
    response: IO[bytes] = urllib.request.urlopen(url, timeout=PATIENCE_S)
    return response


def _fetch_text(url: str) -> str:
    with _open(url) as response:
        return response.read().decode()


def _fetch_file(url: str, path: Path, report: Say) -> None:
    received = 0
    with _open(url) as response, path.open("wb") as file:
        while block := response.read(BLOCK):
            file.write(block)
            received += len(block)
            if received // BLOCK % 50 == 0:
                report(f"downloading Pulumi: {received // BLOCK} MB")
