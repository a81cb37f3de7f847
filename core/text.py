"""Text from outside: what a person wrote or called a file, and what machines say."""

from __future__ import annotations

import codecs
import re
from pathlib import Path

from core.errors import HalabError

UTF_16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)

LARGEST = 1 << 20
"""Bytes: more than anybody writes by hand. What is larger is some other file, and may have no end.
"""

_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")
"""Among them all that XML has no way to say, escaped or not."""


def read_text(path: Path) -> str:
    """Return the text of a UTF-8 file, without the byte order mark that Windows' editors write.

    Raises HalabError when it cannot be read, is in another encoding or larger than LARGEST.
    """
    try:
        with path.open("rb") as file:
            found = file.read(LARGEST + 1)
    except OSError as error:
        raise HalabError(
            f"{path} cannot be read: {error.strerror}", hint="check its owner and mode"
        ) from error
    if len(found) > LARGEST:
        raise HalabError(
            f"{path} is no text that a person wrote: it has more than {LARGEST >> 20} MiB",
            hint="name another file",
        )
    try:
        text = found.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        wide = " (it begins as UTF-16 does)" if found.startswith(UTF_16) else ""
        raise HalabError(f"{path} is not UTF-8 text{wide}", hint="save it as UTF-8") from error
    if "\0" in text:
        # UTF-16 without a mark: Latin letters in it are valid UTF-8, each with a NUL beside it.
        raise HalabError(f"{path} is not UTF-8 text (it holds NULs)", hint="save it as UTF-8")
    return text


def plain(text: str) -> str:
    """Make control characters visible: journals and consoles are full of them."""
    return _CONTROL.sub(_visible, text)


def _visible(match: re.Match[str]) -> str:
    code = ord(match[0])
    # U+2400 begins the pictures of the control characters.
    return chr(0x2400 + code) if code < 0x20 else "\N{REPLACEMENT CHARACTER}"


def is_utf8(name: Path) -> bool:
    """Tell whether a path can be written into a file: Linux takes any bytes for a name."""
    try:
        str(name).encode()
    except UnicodeEncodeError:
        return False
    return True
