from __future__ import annotations

import io
import tarfile
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from core.errors import CommandError, HalabError
from core.files import SEAL
from hypervisor import gobuild, toolchain, vendor
from hypervisor.streaming import follow
from hypervisor.toolchain import (
    LANGUAGE_HOST,
    Toolchain,
    build_key,
    ensure_toolchain,
    find_toolchain,
)

Download = Callable[..., None]


def put(path: Path, says: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\necho '{says}'\n")
    path.chmod(0o755)


@pytest.fixture(autouse=True)
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine with an empty cache, no Pulumi on PATH and no way to get one."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("PULUMI_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:/usr/bin:/bin")
    monkeypatch.setattr(toolchain, "download", refuse("unreachable"))
    monkeypatch.setattr(gobuild, "build", refuse("no module proxy"))
    return tmp_path


def refuse(reason: str) -> Download:
    def fail(*_: object) -> None:
        raise HalabError(reason)

    return fail


def fake_download(pulumi: str, libvirt: str, bin_folder: Path, home: Path, _: object) -> None:
    put(bin_folder / "pulumi", f"v{pulumi}")
    put(bin_folder / "pulumi-language-python", "x")
    put(home / f"plugins/resource-libvirt-v{libvirt}/pulumi-resource-libvirt", libvirt)


def fake_build(pulumi: str, provider: Path, bin_folder: Path, scratch: Path, _: object) -> None:
    scratch.mkdir()
    put(bin_folder / "pulumi", f"v{pulumi}")
    put(bin_folder / "pulumi-language-python", "x")
    put(provider, "0.5.4")


def put_own(machine: Path, version: str = "v3.260.1") -> None:
    put(machine / "bin/pulumi", version)
    put(machine / "bin/pulumi-language-python", "")
    put(machine / "home/plugins/resource-libvirt-v0.5.4/pulumi-resource-libvirt", "0.5.4")


def test_a_suitable_pulumi_on_the_path_is_used(machine: Path) -> None:
    put_own(machine)
    found = ensure_toolchain(print)
    assert found == Toolchain(machine / "bin/pulumi", machine / "bin", machine / "home", "path")


@pytest.mark.parametrize("version", ["v3.199.0", "v4.0.0", "gibberish"])
def test_another_version_on_the_path_is_left_alone(machine: Path, version: str) -> None:
    put_own(machine, version)
    assert find_toolchain() is None


def test_a_pulumi_without_the_libvirt_plugin_is_left_alone(machine: Path) -> None:
    put_own(machine)
    next(machine.glob("home/plugins/*/*")).unlink()
    assert find_toolchain() is None


def test_the_download_is_kept(machine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(toolchain, "download", fake_download)
    made = ensure_toolchain(print)
    assert made.origin == "download"
    monkeypatch.setattr(toolchain, "download", refuse("must not be asked again"))
    assert ensure_toolchain(print) == made == find_toolchain()


@pytest.mark.parametrize(
    "name", ["bin/pulumi", f"bin/{LANGUAGE_HOST}", "home/**/pulumi-resource*", SEAL]
)
def test_what_was_cut_off_is_got_again(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setattr(toolchain, "download", fake_download)
    folder = ensure_toolchain(print).bin_folder.parent
    (file,) = folder.glob(name)
    whole = file.read_bytes()
    file.write_bytes(whole[:-1])
    assert find_toolchain() is None
    ensure_toolchain(print)
    assert file.read_bytes() == whole


def test_an_unreachable_vendor_leads_to_a_build(
    machine: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[str] = []
    monkeypatch.setattr(gobuild, "build", fake_build)
    made = ensure_toolchain(said.append)
    assert made.origin == "build"
    assert "no download (unreachable)" in said
    assert sorted(path.name for path in made.home.parent.iterdir()) == ["bin", "home", SEAL]


def test_every_failed_way_is_reported() -> None:
    with pytest.raises(HalabError) as caught:
        ensure_toolchain(print)
    assert "path: there is no `pulumi` on PATH" in str(caught.value)
    assert "download: unreachable" in str(caught.value)
    assert "build: no module proxy" in str(caught.value)


def test_a_failed_build_leaves_nothing(machine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def break_off(pulumi: str, provider: Path, bin_folder: Path, *_: object) -> None:
        put(bin_folder / "pulumi", f"v{pulumi}")
        raise KeyboardInterrupt

    monkeypatch.setattr(gobuild, "build", break_off)
    with pytest.raises(KeyboardInterrupt):
        ensure_toolchain(print)
    assert [path.name for path in machine.glob("cache/halab/toolchain/*")] == [".lock"]


def test_a_program_of_the_wrong_version_is_not_kept(
    machine: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def mistake(_: str, *rest: object) -> None:
        fake_download("3.1.0", *rest)  # type: ignore[arg-type]

    monkeypatch.setenv("HALAB_TOOLCHAIN", "download")
    monkeypatch.setattr(toolchain, "download", mistake)
    with pytest.raises(HalabError, match="could not be had") as caught:
        ensure_toolchain(print)
    assert "not 3.259.0" in str(caught.value)
    assert find_toolchain() is None


def test_a_choice_excludes_the_other_ways(machine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put_own(machine)
    monkeypatch.setattr(gobuild, "build", fake_build)
    monkeypatch.setenv("HALAB_TOOLCHAIN", "build")
    assert ensure_toolchain(print).origin == "build"
    monkeypatch.setenv("HALAB_TOOLCHAIN", "path")
    assert ensure_toolchain(print).origin == "path"


def test_a_wrong_choice_names_the_right_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HALAB_TOOLCHAIN", "magic")
    with pytest.raises(HalabError) as caught:
        ensure_toolchain(print)
    assert "path, download, build" in str(caught.value.hint)


def test_the_build_key_follows_the_sources_and_not_what_is_generated(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gobuild, "SOURCES", tmp_path)
    module = tmp_path / "pulumi"
    module.mkdir()
    (module / "go.mod").write_text("module a")
    before = build_key()
    (module / "schema.json").write_text("{}")
    (module / "README.md").write_text("words")
    assert build_key() == before
    (module / "go.mod").write_text("module b")
    assert build_key() != before


def test_the_environment_leads_to_the_toolchain_first(
    machine: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "/usr/bin")
    made = Toolchain(machine / "b/pulumi", machine / "b", machine / "h", "build")
    assert made.environment() == {
        "PATH": f"{machine / 'b'}:/usr/bin",
        "PULUMI_HOME": str(machine / "h"),
        "PULUMI_SKIP_UPDATE_CHECK": "1",
    }


def test_an_archive_must_have_the_published_checksum(tmp_path: Path) -> None:
    archive = tmp_path / "pulumi.tar.gz"
    archive.write_bytes(b"content")
    right = "ed7002b439e9ac845f22357d822bac1444730fbdb6016d3ec9432297b9ec9f73"
    vendor.check_sum(archive, f"{'0' * 64}  other.tar.gz\n{right}  pulumi.tar.gz\n")
    for sums in ("", f"{'0' * 64}  pulumi.tar.gz\n"):
        with pytest.raises(HalabError, match="checksum"):
            vendor.check_sum(archive, sums)


def test_only_what_is_needed_leaves_the_archive(tmp_path: Path) -> None:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as tar:
        for name in (*vendor.PROGRAMS, "pulumi-language-java", "../../escaped"):
            entry = tarfile.TarInfo(f"pulumi/{name}")
            entry.size = 4
            tar.addfile(entry, io.BytesIO(b"text"))
    packed.seek(0)
    with tarfile.open(fileobj=packed) as tar:
        vendor.unpack(tar, tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == set(vendor.PROGRAMS)


def test_output_is_followed_line_by_line() -> None:
    heard: list[str] = []
    follow(["sh", "-c", "echo one; echo two >&2"], heard.append, timeout=10)
    assert heard == ["one", "two"]


def test_a_failure_carries_the_end_of_the_output() -> None:
    with pytest.raises(CommandError, match="exited with 3") as caught:
        follow(["sh", "-c", "seq 100; exit 3"], lambda _: None, timeout=10)
    assert caught.value.stdout.splitlines()[-1] == "100"
    assert "\n50\n" not in caught.value.stdout


def test_a_command_that_takes_too_long_is_ended_with_its_children() -> None:
    started = time.monotonic()
    with pytest.raises(CommandError, match="did not finish in time"):
        follow(["sh", "-c", "sleep 60 & sleep 60"], lambda _: None, timeout=0.3)
    assert time.monotonic() - started < 10


def test_an_exception_while_following_ends_the_command() -> None:
    def interrupt(_: str) -> None:
        raise KeyboardInterrupt

    started = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        follow(["sh", "-c", "echo line; sleep 60"], interrupt, timeout=60)
    assert time.monotonic() - started < 10
