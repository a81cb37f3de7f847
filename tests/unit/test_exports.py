"""A file that anybody may have written is an export, or refused before much is read of it."""

from __future__ import annotations

import json
import tarfile
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import pytest

from cli.exports import DEFINITION, MANIFEST, opened
from core.errors import HalabError
from core.text import LARGEST

SAID = {"version": 1, "lab": "course", "at": "2026-11-28T10:00:00Z", "services": {}}

Change = Callable[[tarfile.TarInfo], None]


def member(name: str, content: bytes, change: Change = lambda _: None) -> bytes:
    """Return what stands in an archive for a member, its header changed at will."""
    info = tarfile.TarInfo(name)
    info.size = len(content)
    change(info)
    padded = content.ljust(-(-len(content) // tarfile.BLOCKSIZE) * tarfile.BLOCKSIZE, b"\0")
    return info.tobuf(tarfile.PAX_FORMAT) + padded


def archive(path: Path, *members: bytes, **changes: object) -> Path:
    """Write an archive whose manifest is sensible but for `changes`."""
    said = member(MANIFEST, json.dumps(SAID | changes).encode())
    path.write_bytes(said + b"".join(members) + b"\0" * 2 * tarfile.BLOCKSIZE)
    return path


def pax(**records: str) -> Change:
    """Give a header records as of another archiver, in which anything may stand."""

    def change(info: tarfile.TarInfo) -> None:
        info.pax_headers = {key.replace("_", "."): value for key, value in records.items()}

    return change


def is_a(kind: bytes, *, of: str = "", size: int = 0) -> Change:
    def change(info: tarfile.TarInfo) -> None:
        info.type, info.linkname, info.size = kind, of, size or info.size

    return change


def read(path: Path) -> bytes:
    with opened(path) as found:
        found.manifest()
        return found.text(DEFINITION)


def refused(path: Path) -> str:
    with pytest.raises(HalabError) as caught:
        read(path)
    assert caught.value.message.startswith(f"{path} is no export of a lab: ")
    return caught.value.message


@pytest.mark.parametrize(
    "hostile",
    [
        member(DEFINITION, b"x", pax(GNU_sparse_map="a,b")),
        member(DEFINITION, b"x", pax(GNU_sparse_size="many", GNU_sparse_map="0,1")),
        member(DEFINITION, b"x", pax(GNU_sparse_major="1", GNU_sparse_minor="0")),
        member(DEFINITION, b"x", pax(size="-1024")),
        member(DEFINITION, b"x", pax(size="-1536")),
        member(DEFINITION, b"x", pax(size="-8192")),
        member(DEFINITION, b"x", pax(size="9" * 18)),
        member(DEFINITION, b"x", pax(size="9" * 30)),
        member(DEFINITION, b"x", is_a(tarfile.GNUTYPE_LONGNAME, size=300 << 30)),
        member(DEFINITION, b"x", is_a(tarfile.REGTYPE, size=300 << 30)),
        member("x", b"", is_a(tarfile.XHDTYPE)) * 5000,
    ],
    ids=lambda _: "",
)
def test_headers_that_no_program_writes_are_refused(tmp_path: Path, hostile: bytes) -> None:
    assert "or damaged" in refused(archive(tmp_path / "x.halab", hostile))


def test_a_length_in_a_header_takes_no_memory(tmp_path: Path) -> None:
    lying = member("x", b"", is_a(tarfile.GNUTYPE_LONGNAME, size=1 << 30))
    tracemalloc.start()
    try:
        refused(archive(tmp_path / "x.halab", lying))
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert most < 10 * LARGEST


@pytest.mark.parametrize(
    "hostile",
    [
        member(DEFINITION, b"", is_a(tarfile.SYMTYPE, of=DEFINITION)),
        member(DEFINITION, b"", is_a(tarfile.LNKTYPE, of=MANIFEST)),
        member(DEFINITION, b"", is_a(tarfile.FIFOTYPE)),
        member(DEFINITION, b"x", pax(GNU_sparse_size=f"{300 << 30}", GNU_sparse_map="0,1")),
    ],
    ids=["to itself", "to another", "pipe", "sparse"],
)
def test_what_is_no_plain_file_counts_as_missing(tmp_path: Path, hostile: bytes) -> None:
    """A link may lead in a circle, and a sparse file be larger than any disk."""
    assert refused(archive(tmp_path / "x.halab", hostile)).endswith(f"it holds no {DEFINITION}")


def test_what_a_person_could_not_have_written_is_not_read(tmp_path: Path) -> None:
    largest = archive(tmp_path / "largest", member(DEFINITION, b"#" * LARGEST))
    assert len(read(largest)) == LARGEST
    larger = archive(tmp_path / "larger", member(DEFINITION, b"#" * (LARGEST + 1)))
    assert refused(larger).endswith(f"its {DEFINITION} has more than 1 MiB")


def test_what_another_halab_wrote_is_for_that_one_whatever_it_says(tmp_path: Path) -> None:
    path = archive(tmp_path / "x.halab", version=2, lab=["course"], colour="red")
    with pytest.raises(HalabError) as caught:
        read(path)
    assert caught.value.message == (
        f"{path} was written by another version of halab (2; this one reads 1)"
    )
    assert caught.value.hint == "import it with that halab"


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"colour": "red"}, "halab.json colour: Extra inputs"),
        ({"version": "two"}, "halab.json version: Input should be"),
        ({"services": {"web": 1}}, "halab.json services web: Input should be"),
    ],
)
def test_a_manifest_that_is_wrong_is_shown_where(
    tmp_path: Path, changes: dict[str, object], said: str
) -> None:
    assert said in refused(archive(tmp_path / "x.halab", **changes))


def test_data_may_be_of_any_size(tmp_path: Path) -> None:
    content = bytes(3 * LARGEST)
    with opened(archive(tmp_path / "x.halab", member("data/web", content))) as found:
        assert found.member("data/web").read(1 << 16) == content[: 1 << 16]


def test_what_goes_wrong_with_an_export_is_not_laid_to_its_file(tmp_path: Path) -> None:
    path = archive(tmp_path / "x.halab", member(DEFINITION, b""))
    with pytest.raises(ValueError, match="of a lab"), opened(path):
        raise ValueError("of a lab")
