"""A person names a lab; halab finds the file and reads it, or says why it cannot."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from core.errors import HalabError
from core.text import LARGEST
from labs.loading import DefinitionError, available, find, load


def test_the_labs_that_come_with_halab_can_be_loaded() -> None:
    offers = available()
    assert "active-passive" in {offer.name for offer in offers}
    for offer in offers:
        assert load(offer.name).name == offer.name
        assert offer.lab == load(offer.name)
        assert offer.lab.description


def test_a_path_to_a_definition_of_ones_own(tmp_path: Path) -> None:
    mine = tmp_path / "my.toml"
    mine.write_text('version = 1\nname = "mine"\n')
    assert load(str(mine)).name == "mine"


def test_a_path_from_the_current_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "my.toml").write_text('version = 1\nname = "mine"\n')
    monkeypatch.chdir(tmp_path)
    assert load("my.toml").name == load("./my.toml").name == "mine"


@pytest.mark.parametrize("name", ["activ-passive", "ACTIVE-PASSIVE"])
def test_an_unknown_lab_gets_the_list_of_known_ones(name: str) -> None:
    with pytest.raises(HalabError) as caught:
        find(name)
    assert caught.value.message == f"unknown lab: {name!r}"
    assert caught.value.hint is not None
    assert caught.value.hint.startswith("did you mean active-passive?")


@pytest.mark.parametrize("path", ["missing.toml", "no/such/lab", "/"])
def test_a_path_that_leads_nowhere(path: str) -> None:
    with pytest.raises(HalabError, match="no such lab definition"):
        load(path)


@pytest.mark.parametrize("said", ["b\udce4d.toml", "./b\udce4d", "folder/lab.toml", "link.toml"])
def test_a_definition_whose_path_no_record_could_hold_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, said: str
) -> None:
    """Python reads a byte that is no UTF-8 as half a character, which no file takes."""
    (tmp_path / "f\udcf6lder").mkdir()
    for path in (tmp_path / "b\udce4d.toml", tmp_path / "f\udcf6lder" / "lab.toml"):
        path.write_text('version = 1\nname = "mine"\n')
    (tmp_path / "folder").symlink_to("f\udcf6lder")
    (tmp_path / "link.toml").symlink_to("b\udce4d.toml")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(HalabError, match="its name is not UTF-8") as caught:
        load(said)
    assert caught.value.message.isascii()


def test_a_file_that_is_not_toml_says_where_it_stops(tmp_path: Path) -> None:
    broken = tmp_path / "broken.toml"
    broken.write_text('version = 1\nname = "x"\n[nodes\ncpus = 2\n')
    with pytest.raises(DefinitionError) as caught:
        load(str(broken))
    (problem,) = caught.value.problems
    assert problem.key == "line 3, column 7"
    assert problem.value == "[nodes"
    assert str(broken) in str(caught.value)


@pytest.mark.parametrize("text", ['name = "x', "name =", '"""'])
def test_a_file_that_ends_too_early(tmp_path: Path, text: str) -> None:
    broken = tmp_path / "broken.toml"
    broken.write_text(text)
    with pytest.raises(DefinitionError):
        load(str(broken))


def test_a_file_that_is_no_text(tmp_path: Path) -> None:
    picture = tmp_path / "picture.toml"
    picture.write_bytes(b"\x89PNG\xff\xfe")
    with pytest.raises(HalabError, match="not UTF-8"):
        load(str(picture))


@pytest.mark.parametrize(
    "text",
    [
        f"nodes = {'[' * 5000}",
        f"nodes = {'[' * 300}{']' * 300}",
        f"nodes = {'{a = ' * 300}1{'}' * 300}",
        f"{'a.' * 3000}a = 1",
    ],
)
def test_a_file_that_nobody_could_follow(tmp_path: Path, text: str) -> None:
    """Tables in tables are read by functions that call themselves, which Python bounds."""
    deep = tmp_path / "deep.toml"
    deep.write_text(text)
    with pytest.raises(HalabError, match=r"deep\.toml") as refused:
        load(str(deep))
    assert refused.value.hint


def test_a_number_that_no_computer_reads(tmp_path: Path) -> None:
    huge = tmp_path / "huge.toml"
    huge.write_text(f"version = {'9' * 5000}")
    with pytest.raises(DefinitionError) as refused:
        load(str(huge))
    assert "digits" in refused.value.problems[0].allowed


def test_what_is_too_large_for_a_definition_is_not_read(tmp_path: Path) -> None:
    large = tmp_path / "large.toml"
    large.write_bytes(b"version = 1\nname = 'large'\n" + b"#" * LARGEST)
    with pytest.raises(HalabError, match=r"large\.toml .* more than 1 MiB"):
        load(str(large))


def test_what_is_no_file_is_called_what_it_is(tmp_path: Path) -> None:
    folder, pipe, link = (tmp_path / f"{name}.toml" for name in ("folder", "pipe", "link"))
    folder.mkdir()
    os.mkfifo(pipe)
    link.symlink_to(link)
    for path, what in ((folder, "folder"), (pipe, "pipe"), (link, "link that leads nowhere")):
        with pytest.raises(HalabError, match=what):
            find(str(path))


MARK = b"\xef\xbb\xbf"

TEXT = 'version = 1\r\nname = "windows"\r\n'


def test_a_file_from_windows(tmp_path: Path) -> None:
    mine = tmp_path / "mine.toml"
    mine.write_bytes(MARK + TEXT.encode())
    assert load(str(mine)).name == "windows"


@pytest.mark.parametrize("line", ["= 1", "name = nothing", 'name = "\x0c"'])
def test_a_mark_moves_no_position(tmp_path: Path, line: str) -> None:
    found = []
    for name, mark in (("marked.toml", MARK), ("plain.toml", b"")):
        (tmp_path / name).write_bytes(mark + line.encode())
        with pytest.raises(DefinitionError) as caught:
            load(str(tmp_path / name))
        (problem,) = caught.value.problems
        assert problem.value == line
        found.append((problem.key, problem.allowed))
    assert found[0] == found[1]


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32", "latin-1"])
def test_another_encoding_is_named_as_the_reason(tmp_path: Path, encoding: str) -> None:
    mine = tmp_path / "mine.toml"
    mine.write_bytes(f"{TEXT}description = 'für'\n".encode(encoding))
    with pytest.raises(HalabError, match="not UTF-8") as refused:
        load(str(mine))
    assert refused.value.hint == "save it as UTF-8"


def test_a_broken_file_among_the_known_labs_hides_no_other(tmp_path: Path) -> None:
    (tmp_path / "bad.toml").write_text("version = 7")
    (tmp_path / "good.toml").write_text('version = 1\nname = "good"\ndescription = "fine"\n')
    bad, good = available(tmp_path)
    assert bad.lab is None
    assert str(bad.problem).endswith("bad.toml: 2 problems")
    assert good.lab is not None
    assert (good.name, good.lab.description, good.problem) == ("good", "fine", None)


@pytest.mark.parametrize(
    "text", ['name = "a"\nname = "b"', "[nodes]\n[nodes]", "monitoring = false\n[monitoring]"]
)
def test_what_stands_there_twice_is_told_as_such(tmp_path: Path, text: str) -> None:
    twice = tmp_path / "twice.toml"
    twice.write_text(text + "\nx = 1\n")
    with pytest.raises(DefinitionError) as caught:
        load(str(twice))
    (problem,) = caught.value.problems
    assert problem.hint == "it stands further up already: keep one of the two"
    assert "(" not in problem.allowed


def test_a_file_beside_is_offered_to_who_forgets_its_ending(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "mine.toml").write_text("version = 1")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(HalabError) as caught:
        find("mine")
    assert str(caught.value.hint).startswith("did you mean mine.toml?")
