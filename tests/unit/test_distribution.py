"""What os-release files of real systems say, and what follows for installing packages."""

from __future__ import annotations

from pathlib import Path

import pytest

from hypervisor import distribution
from hypervisor.distribution import Family, parse
from tests.unit.systems import (
    ALMA,
    ARCH,
    BOOKWORM,
    FEDORA,
    LMDE,
    MINT,
    NOBLE,
    POP,
    RESOLUTE,
    SID,
)


@pytest.mark.parametrize(
    ("text", "family", "codename"),
    [
        (BOOKWORM, Family.DEBIAN, "bookworm"),
        (SID, Family.DEBIAN, "forky"),
        (NOBLE, Family.DEBIAN, "noble"),
        (RESOLUTE, Family.DEBIAN, "resolute"),
        (MINT, Family.DEBIAN, "noble"),
        (LMDE, Family.DEBIAN, "bookworm"),
        (POP, Family.DEBIAN, "noble"),
        (FEDORA, Family.FEDORA, ""),
        (ALMA, Family.FEDORA, ""),
        (ARCH, Family.OTHER, ""),
        ("", Family.OTHER, ""),
    ],
)
def test_a_derivative_is_what_it_is_made_of(text: str, family: Family, codename: str) -> None:
    found = parse(text)
    assert (found.family, found.codename) == (family, codename)


def test_people_read_the_name_that_they_know() -> None:
    assert parse(MINT).name == "Linux Mint 22.1"
    assert parse("").name == "an unknown system"


def test_only_debian_12_and_what_is_made_of_it_need_backports() -> None:
    assert parse(BOOKWORM).backports == parse(LMDE).backports == "bookworm-backports"
    assert not any(parse(text).backports for text in (SID, NOBLE, RESOLUTE, MINT, FEDORA, ARCH))


def test_fedora_installs_by_dnf_and_its_immutable_kin_by_layers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(distribution, "OSTREE", tmp_path / "booted")
    assert parse(FEDORA).install_words(["socat"]) == ["dnf", "install", "socat"]
    (tmp_path / "booted").touch()
    assert parse(FEDORA).install_words(["socat"]) == ["rpm-ostree", "install", "socat"]


def test_where_nothing_is_known_or_missing_there_is_no_command() -> None:
    assert parse(ARCH).install_words(["socat"]) == []
    assert parse(NOBLE).install_words([]) == []
