"""What only one lab's machines may know; generated once, never shown."""

from __future__ import annotations

import base64
import fcntl
import json
import secrets as random
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from core.errors import HalabError
from core.files import write_file
from parts.certificates import Authority, make_authority


class Secrets(BaseModel):
    """The secrets of one lab; `repr` and `str` show none of them.

    `corosync_authkey` is base64 of 256 random bytes (corosync-keygen's size), `drbd_secret` has at
    most 64 characters (drbd.conf-8.4(5), shared-secret), `qnetd_authority` signs the certificates
    by which the quorum device and the nodes know each other. `zabbix_psk` are 256 bits in hex
    (Zabbix takes up to 512); the database's password stays on the monitor.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    version: Literal[1] = 1
    corosync_authkey: str = Field(repr=False)
    drbd_secret: str = Field(repr=False, max_length=64)
    qnetd_authority: Authority = Field(repr=False)
    zabbix_admin_password: str = Field(repr=False)
    zabbix_database_password: str = Field(repr=False)
    zabbix_psk: str = Field(repr=False, pattern=r"^[0-9a-f]{64}$")

    def __str__(self) -> str:
        """Show nothing."""
        return "Secrets(...)"

    def reveal(self) -> str:
        """Return everything as JSON, for a place that keeps secrets."""
        return json.dumps(self.model_dump(mode="json"), indent=2) + "\n"


def generate() -> Secrets:
    """Make the secrets of a new lab."""
    return Secrets(
        corosync_authkey=base64.b64encode(random.token_bytes(256)).decode(),
        drbd_secret=random.token_hex(24),
        qnetd_authority=make_authority(),
        zabbix_admin_password=_new_password(),
        zabbix_database_password=random.token_hex(24),
        zabbix_psk=random.token_hex(32),
    )


def renewed(kept: Secrets) -> Secrets:
    """Return a lab's secrets with new ones in the place of those that people use.

    The others are known to machines alone, and what runs on them holds on to them until it starts
    again.
    """
    return kept.model_copy(update={"zabbix_admin_password": _new_password()})


def ensure_secrets(path: Path) -> Secrets:
    """Return the secrets in `path`; the first call makes them, readable by their owner alone.

    Raises HalabError when the file exists and cannot be understood.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not path.exists():
            write_file(path, generate().reveal())
    return load_secrets(path)


def load_secrets(path: Path) -> Secrets:
    """Read a lab's secrets; raises HalabError, which shows none, for a file without them."""
    try:
        return Secrets.model_validate_json(path.read_bytes())
    except FileNotFoundError as error:
        raise HalabError(f"{path} is not there", hint="`./halab up` brings it back") from error
    except ValidationError as error:
        # pydantic's message would show the values.
        wrong = ", ".join(
            ".".join(map(str, problem["loc"])) or "file" for problem in error.errors()
        )
        raise HalabError(
            f"{path} does not hold a lab's secrets (wrong: {wrong})",
            hint="remove it: then `./halab up` takes the secrets from Pulumi's state, or makes new "
            "ones, stops the cluster on all nodes, and starts it with them",
        ) from None


def _new_password() -> str:
    return random.token_urlsafe(15)
