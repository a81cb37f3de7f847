"""The ssh host key of a machine that made it itself: read once from its console, through AWS.

AWS answers with what the instance printed, over TLS and to the person's own credentials, and at
the first boot nobody but the system itself can have printed it. So nothing is learnt at a first
contact, and no private key travels.
"""

from __future__ import annotations

import re
from base64 import b64decode
from binascii import Error as NotBase64
from typing import Any, Protocol

import pulumi
from pulumi.dynamic import CreateResult, DiffResult, Resource, ResourceProvider

from core.wait import wait_until
from infra.aws_account import Account

Props = dict[str, Any]

BLOCK = re.compile(
    r"-----BEGIN SSH HOST KEY KEYS-----(.*?)-----END SSH HOST KEY KEYS-----", re.DOTALL
)
"""What cloud-init's keys_to_console prints (its tools/write-ssh-key-fingerprints)."""
KEY = re.compile(r"\b(ssh-ed25519) ([A-Za-z0-9+/]+={0,2})(?![A-Za-z0-9+/=])")
BLOB_BYTES = 51
"""Length of an ed25519 public key's blob (RFC 8709): two lengths, 11 letters and 32 bytes."""

PRINTED_S = 1800
"""Seconds until a machine has printed it: a boot, and the minutes in which AWS may be behind. Of a
rehearsal in emulation the boot alone takes more than 8 minutes, on a busy host."""
BETWEEN_S = 5.0


class Asked(Protocol):
    """An account (`aws_account.Account`)."""

    def ask(self, service: str, operation: str, **words: Any) -> Any:
        """Make one request."""


def host_key_in(console: str) -> str | None:
    """Return the ed25519 key that a console shows: its type and blob; None where it shows none.

    A line into which somebody else's words got is no key.
    """
    for block in reversed(BLOCK.findall(console)):
        for kind, blob in KEY.findall(block):
            if _is_whole(blob):
                return f"{kind} {blob}"
    return None


def wait_for_host_key(account: Asked, instance: str, timeout: float = PRINTED_S) -> str:
    """Return the host key of an instance that boots; raises WaitTimeout, or as `Account.ask`."""

    def read() -> str | None:
        answer = account.ask("ec2", "get_console_output", InstanceId=instance, Latest=True)
        return host_key_in(answer.get("Output") or "")

    key = wait_until(
        read,
        lambda found: found is not None,
        what=f"instance {instance} shows its ssh host key on its console",
        timeout=timeout,
        interval=BETWEEN_S,
        describe=lambda found: "it shows one" if found else "no whole key yet",
        hint="`aws ec2 get-console-output --latest --instance-id ID` shows how far its boot came; "
        "`./halab up` goes on from here",
    )
    assert key is not None
    return key


def _is_whole(blob: str) -> bool:
    try:
        return len(b64decode(blob, validate=True)) == BLOB_BYTES
    except NotBase64:
        return False


class ConsoleKeyProvider(ResourceProvider):
    """Reads the key when the machine is new, and never again: Pulumi's state keeps it."""

    def create(self, props: Props) -> CreateResult:
        """Wait for the key."""
        account = Account(props["region"], props["endpoint"])
        public = wait_for_host_key(account, props["instance"])
        return CreateResult(id_=props["instance"], outs={**props, "public": public})

    def diff(self, _id: str, olds: Props, news: Props) -> DiffResult:
        """Another instance has another key; another way to ask for the same one has not."""
        changed = olds.get("instance") != news.get("instance")
        return DiffResult(changes=changed, replaces=["instance"] if changed else [])

    def delete(self, _id: str, _props: Props) -> None:
        """Do nothing: the key goes with its machine."""


class ConsoleKey(Resource):
    """A machine's host key; `public` is its type and blob."""

    public: pulumi.Output[str]

    def __init__(
        self,
        name: str,
        *,
        instance: pulumi.Input[str],
        region: str,
        endpoint: str | None,
        opts: pulumi.ResourceOptions,
    ) -> None:
        super().__init__(
            ConsoleKeyProvider(),
            name,
            {"instance": instance, "region": region, "endpoint": endpoint, "public": None},
            opts,
        )
