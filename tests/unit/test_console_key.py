"""The host key of a machine that made it itself, read from what it printed at its first boot."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from core.wait import WaitTimeout
from infra import console_key
from infra.console_key import ConsoleKeyProvider, host_key_in, wait_for_host_key

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGkOdnCXZrO4kN+1qZ1nvXUVGOQzNZ7mUDn4mlOYeGDH"
OTHER = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIBvPOfKsO3iPjqnbZ8pVX0uq6h9rYzGqZ1mXgq0m5m0S"

BOOTED = f"""\
[   12.3] cloud-init[480]: Generating public/private ed25519 key pair.
<14>Nov 26 10:00:00 ec2: -----BEGIN SSH HOST KEY FINGERPRINTS-----
<14>Nov 26 10:00:00 ec2: 256 SHA256:Xg3 root@node1 (ED25519)
<14>Nov 26 10:00:00 ec2: -----END SSH HOST KEY FINGERPRINTS-----
-----BEGIN SSH HOST KEY KEYS-----\r
ecdsa-sha2-nistp256 AAAAE2VjZHNhLXNoYTItbmlzdHAyNTYAAAAIbmlzdHAyNTY= root@node1\r
{KEY} root@node1\r
-----END SSH HOST KEY KEYS-----\r
node1 login: """


class PaperAccount:
    """Shows more of a console each time that it is asked, and notes how."""

    def __init__(self, *shown: str) -> None:
        self.shown, self.asked = list(shown), 0

    def ask(self, service: str, operation: str, **words: Any) -> Mapping[str, Any]:
        assert (service, operation) == ("ec2", "get_console_output")
        assert words == {"InstanceId": "i-1", "Latest": True}
        self.asked += 1
        now = self.shown.pop(0) if len(self.shown) > 1 else self.shown[0]
        return {"Output": now} if now else {}


@pytest.fixture(autouse=True)
def _impatience(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(console_key, "BETWEEN_S", 0.0)


def test_the_key_stands_in_the_block_that_cloud_init_prints() -> None:
    assert host_key_in(BOOTED) == KEY


@pytest.mark.parametrize(
    "console",
    [
        "",
        "[    0.0] Linux version 6.12\n",
        BOOTED.partition("-----END SSH HOST KEY KEYS")[0],
        # A line of the kernel's got into it.
        BOOTED.replace("GOQzNZ", "GO\n[   13.0] random: crng init done\nQzNZ"),
        f"somebody says {KEY}\n",
    ],
)
def test_what_is_not_whole_or_elsewhere_is_no_key(console: str) -> None:
    assert host_key_in(console) is None


def test_of_a_machine_that_printed_twice_the_last_word_counts() -> None:
    assert host_key_in(BOOTED + BOOTED.replace(KEY, OTHER)) == OTHER


def test_halab_waits_until_a_machine_shows_its_key() -> None:
    account = PaperAccount("", "[    0.0] Linux version 6.12\n", BOOTED)

    assert wait_for_host_key(account, "i-1") == KEY
    assert account.asked == 3


def test_a_machine_that_never_shows_one_is_named_with_how_to_look() -> None:
    with pytest.raises(WaitTimeout, match="instance i-1 shows its ssh host key") as never:
        wait_for_host_key(PaperAccount("boots"), "i-1", timeout=0.01)
    assert "get-console-output" in str(never.value.hint)


def test_pulumi_keeps_the_key_and_asks_again_for_another_machine_only(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked = []

    def account(region: str, endpoint: str | None) -> PaperAccount:
        asked.append((region, endpoint))
        return PaperAccount(BOOTED)

    monkeypatch.setattr(console_key, "Account", account)
    props = {"instance": "i-1", "region": "us-east-1", "endpoint": None, "public": None}
    provider = ConsoleKeyProvider()

    made = provider.create(props)

    held = made.outs or {}
    assert (made.id, held["public"], asked) == ("i-1", KEY, [("us-east-1", None)])
    assert not provider.diff("i-1", held, {**props, "endpoint": "http://127.0.0.1:1"}).changes
    anew = provider.diff("i-1", held, {**props, "instance": "i-2"})
    assert (anew.changes, anew.replaces) == (True, ["instance"])
