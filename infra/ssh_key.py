"""The lab's own ssh key: made once; its public half follows from it."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_ssh_private_key,
)

from core.files import write_file
from core.folders import LabFolder

COMMENT = "halab"


def ensure_ssh_key(folder: LabFolder) -> None:
    """Make the lab's key unless a whole one is there, and the public half that belongs to it."""
    key = read_private_key(folder.ssh_key)
    if key is None:
        key = Ed25519PrivateKey.generate()
        text = key.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption())
        folder.ssh_key.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_file(folder.ssh_key, text)
    words = key.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode()
    public = folder.ssh_key.with_suffix(".pub")
    held = ""
    with suppress(OSError):
        held = public.read_text(errors="replace")
    if held.split()[:2] != words.split():
        write_file(public, f"{words} {COMMENT}\n", mode=0o644)


def read_private_key(path: Path) -> Ed25519PrivateKey | None:
    """Return the private key in a file; None when it is missing or damaged."""
    try:
        key = load_ssh_private_key(path.read_bytes(), None)
    except (OSError, ValueError, TypeError, UnsupportedAlgorithm):
        return None
    return key if isinstance(key, Ed25519PrivateKey) else None
