"""Zabbix is told what to watch once it answers, and whatever somebody made of its password."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from zabbix_utils import APIRequestError

from core.errors import HalabError
from provisioning import monitoring
from provisioning.zabbix import api
from provisioning.zabbix.api import MonitoringRefused, MonitoringUnreachable, PasswordRefused
from tests.unit.provisioned_lab import SECRETS, this_machine
from tests.unit.sketched import STORY


class Login:
    """Stands in for a session: each login ends as foretold, the last one again and again."""

    def __init__(self, *outcomes: HalabError | None) -> None:
        self.outcomes = list(outcomes)
        self.passwords_set = 0

    @contextmanager
    def session(self, *_: object) -> Iterator[None]:
        outcome = self.outcomes.pop(0) if len(self.outcomes) > 1 else self.outcomes[0]
        if outcome is not None:
            raise outcome
        yield


def configure(monkeypatch: pytest.MonkeyPatch, login: Login, *, stopped: bool = False) -> Any:
    def set_passwords(*_: object) -> None:
        login.passwords_set += 1

    monkeypatch.setattr(monitoring, "session", login.session)
    monkeypatch.setattr(monitoring, "ensure_configured", lambda *_: ("configured",))
    monkeypatch.setattr(monitoring, "set_passwords", set_passwords)
    monkeypatch.setattr("core.wait.time.sleep", lambda _: None)
    return monitoring.configure(this_machine(), STORY, SECRETS, lambda: stopped)


def test_a_zabbix_that_still_starts_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    login = Login(MonitoringUnreachable("not yet"), MonitoringUnreachable("not yet"), None)
    assert configure(monkeypatch, login) == ("configured",)
    assert login.passwords_set == 0


def test_a_password_that_somebody_changed_is_set_again(monkeypatch: pytest.MonkeyPatch) -> None:
    login = Login(PasswordRefused("changed"), MonitoringUnreachable("busy"), None)
    assert configure(monkeypatch, login) == ("Zabbix's passwords set again", "configured")
    assert login.passwords_set == 1


def test_a_password_that_is_refused_again_is_set_once(monkeypatch: pytest.MonkeyPatch) -> None:
    login = Login(PasswordRefused("changed"))
    with pytest.raises(PasswordRefused):
        configure(monkeypatch, login)
    assert login.passwords_set == 1


def test_what_else_zabbix_refuses_is_told_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    login = Login(MonitoringRefused("no such method"))
    with pytest.raises(MonitoringRefused, match="no such method"):
        configure(monkeypatch, login)
    assert login.passwords_set == 0


def test_nobody_is_told_when_nobody_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    login = Login(MonitoringUnreachable("never"))
    assert configure(monkeypatch, login, stopped=True) == ()


@pytest.mark.parametrize(
    ("what", "said", "kind"),
    [
        (api.LOGIN, api.WRONG_PASSWORD, PasswordRefused),
        (api.LOGIN, "the database is starting", MonitoringUnreachable),
        ("host.get", "no permissions", MonitoringRefused),
    ],
)
def test_a_wrong_password_is_told_from_what_passes(
    what: str, said: str, kind: type[HalabError]
) -> None:
    with pytest.raises(HalabError) as caught, api._worded(what):
        raise APIRequestError({"message": "Refused.", "data": said, "body": {}})
    assert type(caught.value) is kind
