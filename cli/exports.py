"""What an export of a lab holds, read from a file that anybody may have written."""

from __future__ import annotations

import io
import os
import tarfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import IO, Annotated, Literal

from pydantic import BaseModel, Field, ValidationError

from core.errors import HalabError
from core.text import LARGEST
from inventory.frozen import Frozen
from labs.model import LAB_NAME
from labs.tables.base import ServiceName

MANIFEST, DEFINITION, DATA = "halab.json", "definition.toml", "data"
"""What an export consists of: what it is, its definition, and a file for each service with data."""

DAMAGED = "it is another kind of file, or damaged, or cut off"

UNREADABLE = (tarfile.TarError, ValueError, RecursionError, EOFError, OverflowError)
"""What tarfile raises for headers that no program would write."""


VERSION: Literal[1] = 1
"""Of what an export says of itself: another one holds other keys."""


class Versioned(BaseModel):
    """What of a manifest can be read whichever halab wrote it."""

    version: int = VERSION


class Manifest(Frozen):
    """What an export says of itself; `services` are those whose data it holds, with their kinds."""

    version: Literal[1] = VERSION
    lab: Annotated[str, Field(pattern=LAB_NAME)]
    at: datetime
    services: dict[ServiceName, str]


@dataclass(frozen=True)
class Export:
    """A file that is said to be an export. `members` are its plain files, by their names.

    Links and sparse files are not among them: `export` writes none, and they may lead in circles,
    or be larger than any disk.
    """

    file: Path
    archive: tarfile.TarFile
    members: Mapping[str, tarfile.TarInfo]

    def manifest(self) -> Manifest:
        """Return what it says of itself; raises HalabError where that is nothing sensible."""
        text = self.text(MANIFEST)
        try:
            version = Versioned.model_validate_json(text).version
            if version != VERSION:
                raise HalabError(
                    f"{self.file} was written by another version of halab ({version}; this one "
                    f"reads {VERSION})",
                    hint="import it with that halab",
                )
            return Manifest.model_validate_json(text)
        except ValidationError as error:
            found = error.errors()[0]
            where = " ".join((MANIFEST, *map(str, found["loc"])))
            raise self.refused(f"{where}: {found['msg']}") from error

    def text(self, name: str) -> bytes:
        """Return a member that a person could have written; raises HalabError for a larger one."""
        with self.member(name) as found:
            if self.members[name].size > LARGEST:
                raise self.refused(f"its {name} has more than {LARGEST >> 20} MiB")
            return found.read()

    def member(self, name: str) -> IO[bytes]:
        """Return a member to read, of any size; raises HalabError where there is none."""
        info = self.members.get(name)
        found = None if info is None else self.archive.extractfile(info)
        if found is None:
            raise self.refused(f"it holds no {name}")
        return found

    def refused(self, why: str) -> HalabError:
        """Say why this is no export."""
        return _no_export(self.file, why)


@contextmanager
def opened(file: Path) -> Iterator[Export]:
    """Yield a file as an export; raises HalabError for what is none, or ends before it should."""
    if not file.is_file():
        raise _no_export(file, "it is no file" if file.exists() else "there is no such file")
    with _Source(file.open("rb", buffering=0)) as source:
        try:
            archive = tarfile.TarFile(fileobj=source)
            members = dict(_plain_files(archive))
        except UNREADABLE as error:
            raise _no_export(file, DAMAGED) from error
        try:
            yield Export(file, archive, members)
        except tarfile.TarError as error:
            raise _no_export(file, DAMAGED) from error


class _Source(io.BufferedReader):
    """A file of which nobody reads much at once, or elsewhere, whatever a header says of a length.

    Python asks for as much memory as it is to read, however little there is.
    """

    def read(self, size: int | None = -1) -> bytes:
        if size is None or not 0 <= size <= LARGEST:
            raise tarfile.ReadError(f"{size} bytes at once")
        return super().read(size)

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        if not 0 <= offset <= os.fstat(self.fileno()).st_size:
            raise tarfile.ReadError(f"byte {offset}")
        return super().seek(offset, whence)


def _plain_files(archive: tarfile.TarFile) -> Iterator[tuple[str, tarfile.TarInfo]]:
    """Yield each plain file to the archive's end, so that one that is cut off is found out."""
    last = -1
    for member in archive:
        # What has less than no bytes leads back to where it stands.
        if member.size < 0 or member.offset <= last:
            raise tarfile.ReadError(f"{member.name}: {member.size} bytes")
        last = member.offset
        if member.isreg() and not member.issparse():
            yield member.name, member


def _no_export(file: Path, why: str) -> HalabError:
    return HalabError(f"{file} is no export of a lab: {why}", hint="`./halab export LAB FILE`")
