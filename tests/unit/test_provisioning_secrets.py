"""Secrets are made once, belong to their owner alone, and are never shown."""

from __future__ import annotations

import base64
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from core.errors import HalabError
from parts.secrets import Secrets, ensure_secrets, generate


def values(secrets: Secrets) -> list[str]:
    return [
        secrets.corosync_authkey,
        secrets.drbd_secret,
        secrets.qnetd_authority.key,
        secrets.zabbix_admin_password,
        secrets.zabbix_database_password,
        secrets.zabbix_psk,
    ]


def test_the_second_call_returns_what_the_first_made(tmp_path: Path) -> None:
    path = tmp_path / "lab" / "secrets.json"
    made = ensure_secrets(path)
    assert path.stat().st_mode & 0o7777 == 0o600
    assert ensure_secrets(path) == made


def test_two_that_start_together_get_the_same(tmp_path: Path) -> None:
    with ThreadPoolExecutor(4) as pool:
        made = list(pool.map(ensure_secrets, [tmp_path / "secrets.json"] * 4))
    assert all(secrets == made[0] for secrets in made)


def test_every_lab_has_its_own() -> None:
    one, other = generate(), generate()
    assert not set(values(one)) & set(values(other))


def test_sizes_suit_their_readers() -> None:
    secrets = generate()
    # corosync.conf(5): 128 to 4096 bytes; drbd.conf-8.4(5): at most 64 characters.
    assert 128 <= len(base64.b64decode(secrets.corosync_authkey)) <= 4096
    assert 32 <= len(secrets.drbd_secret) <= 64


def test_nothing_shows_them() -> None:
    secrets = generate()
    shown = f"{secrets} {secrets!r} {[secrets]} {secrets.qnetd_authority!r}"
    for value in values(secrets):
        assert value not in shown


def test_they_cross_as_json() -> None:
    secrets = generate()
    assert Secrets.model_validate_json(secrets.reveal()) == secrets


def test_a_broken_file_is_named_and_its_content_is_not(tmp_path: Path) -> None:
    path = tmp_path / "secrets.json"
    path.write_text('{"version": 1, "drbd_secret": ["hush"], "surprise": "hush"}')
    with pytest.raises(HalabError) as caught:
        ensure_secrets(path)
    assert str(path) in str(caught.value)
    assert "drbd_secret" in str(caught.value)
    assert "hush" not in str(caught.value)
