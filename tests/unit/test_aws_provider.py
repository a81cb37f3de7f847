"""The AWS provider: had once, by the first way that works, and only beside a toolchain."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from core.errors import HalabError
from core.files import SEAL
from core.folders import PROJECT
from hypervisor import aws_provider, awsbuild, gobuild
from hypervisor.aws_provider import VERSION, ensure_provider, find_provider, with_provider
from hypervisor.toolchain import Toolchain, build_key

PROGRAM = "pulumi-resource-aws"
PLUGIN = f"plugins/resource-aws-v{VERSION}/{PROGRAM}"


def put(path: Path, says: str = VERSION) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\necho '{says}'\n")
    path.chmod(0o755)
    return path


def refuse(*_: Any) -> None:
    raise HalabError("nobody answers")


@pytest.fixture(autouse=True)
def toolchain(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Toolchain:
    """A toolchain on a machine that has no AWS provider and no way to get one."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    monkeypatch.setattr(aws_provider, "install_plugin", refuse)
    monkeypatch.setattr(awsbuild, "build", refuse)
    return Toolchain(tmp_path / "b/pulumi", tmp_path / "b", tmp_path / "home", "build")


def test_a_provider_of_the_person_s_own_is_used(toolchain: Toolchain) -> None:
    own = put(toolchain.home / PLUGIN)

    assert ensure_provider(toolchain, print) == own


@pytest.mark.parametrize("version", ["7.51.0", "8.51.1", "gibberish"])
def test_another_version_is_left_alone(toolchain: Toolchain, version: str) -> None:
    put(toolchain.home / PLUGIN, version)

    assert find_provider(toolchain) is None


def test_the_vendor_s_is_downloaded_once(
    toolchain: Toolchain, monkeypatch: pytest.MonkeyPatch
) -> None:
    def install(_: Path, home: Path, name: str, version: str, timeout: float) -> None:
        assert (name, version) == ("aws", VERSION)
        put(home / PLUGIN)

    monkeypatch.setattr(aws_provider, "install_plugin", install)
    made = ensure_provider(toolchain, print)
    monkeypatch.setattr(aws_provider, "install_plugin", refuse)

    assert ensure_provider(toolchain, print) == made == find_provider(toolchain)
    # The home of all labs' toolchain knows nothing of it.
    assert not toolchain.home.exists()


def test_what_was_cut_off_is_got_again(
    toolchain: Toolchain, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(aws_provider, "install_plugin", lambda _, home, *__: put(home / PLUGIN))
    made = ensure_provider(toolchain, print)
    whole = made.read_bytes()
    made.write_bytes(whole[:-1])

    assert find_provider(toolchain) is None
    assert ensure_provider(toolchain, print).read_bytes() == whole


def test_where_the_vendor_does_not_answer_it_is_built_and_nothing_else_stays(
    toolchain: Toolchain, monkeypatch: pytest.MonkeyPatch
) -> None:
    def build(pulumi: str, provider: Path, scratch: Path, report: Any) -> None:
        scratch.mkdir()
        put(provider)

    said: list[str] = []
    monkeypatch.setattr(awsbuild, "build", build)

    made = ensure_provider(toolchain, said.append)

    assert "no download (nobody answers)" in said
    assert {path.name for path in made.parents[2].iterdir()} == {"plugins", SEAL}


def test_a_broken_build_is_no_provider(
    toolchain: Toolchain, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(awsbuild, "build", lambda _, provider, scratch, __: scratch.mkdir())

    with pytest.raises(HalabError, match="Pulumi's AWS provider could not be had") as failed:
        ensure_provider(toolchain, print)

    for reason in ("path: there is no", "download: nobody answers", "build: there is no"):
        assert reason in str(failed.value.detail)
    assert find_provider(toolchain) is None


def test_pulumi_finds_it_before_all_else(toolchain: Toolchain, tmp_path: Path) -> None:
    environment = with_provider(toolchain, tmp_path / "plugin" / PROGRAM)

    assert environment["PATH"] == f"{tmp_path / 'plugin'}:{toolchain.bin_folder}:/usr/bin:/bin"
    assert environment["PULUMI_HOME"] == str(toolchain.home)


def test_labs_without_aws_do_not_build_anew_when_its_recipe_changes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def write(module: str, text: str) -> None:
        (tmp_path / module).mkdir(exist_ok=True)
        (tmp_path / module / "go.mod").write_text(text)

    monkeypatch.setattr(gobuild, "SOURCES", tmp_path)
    for module in (*gobuild.MODULES, awsbuild.MODULE):
        write(module, "one")
    before = (build_key(), awsbuild.build_key("3"))

    write(awsbuild.MODULE, "two")
    assert build_key() == before[0]
    assert awsbuild.build_key("3") != before[1]


def test_all_speak_of_one_version() -> None:
    lock = (PROJECT / "requirements-aws.lock").read_text()
    program = (gobuild.SOURCES / awsbuild.MODULE / "tokens.go").read_text()

    assert re.findall(r"^pulumi-aws==(\S+)", lock, re.MULTILINE) == [VERSION]
    assert re.findall(r'Version = "(.*)"', program) == [VERSION]


def test_it_serves_what_the_program_asks_for() -> None:
    program = (PROJECT / "infra/aws.py").read_text()
    served = (gobuild.SOURCES / awsbuild.MODULE / "tokens.go").read_text()

    made = set(re.findall(r"aws\.(\w+)\.([A-Z]\w+)\(", program))
    asked = {f"aws:{module}/{name[0].lower()}{name[1:]}:{name}" for module, name in made} | {
        "aws:ec2/getAmi:getAmi"
    }

    assert len(made) > 15
    assert set(re.findall(r'"(aws:[^"]+)"', served)) >= asked
