"""Zabbix's API over an ssh connection to the monitor, which alone can reach it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.client import HTTPException
from typing import Any

from zabbix_utils import APIRequestError, ProcessingError, ZabbixAPI

from core.environment import adopted
from core.errors import HalabError
from inventory.model import Inventory
from labs.ports import ZABBIX_FRONTEND
from labs.roles import NetworkRole
from machines.remote import Remote
from machines.tunnel import HERE, tunnel
from parts.monitoring.names import ADMIN
from parts.secrets import Secrets

CALL_TIMEOUT_S = 15
"""At pace 1; the import of the template takes 1.5 s natively, a small call 0.05 s."""

LOGIN = "login"
WRONG_PASSWORD = "Incorrect user name or password"
"""What Zabbix says to it, also when it blocks the account after five attempts for 30 s."""


class MonitoringUnreachable(HalabError):
    """Zabbix's API does not answer."""


class MonitoringRefused(HalabError):
    """Zabbix's API answered and did not accept the login or the call."""


class PasswordRefused(MonitoringRefused):
    """Zabbix's administrator has another password."""


class Api:
    """A session with the API. Each call costs an emulated monitor about a second."""

    def __init__(self, session: ZabbixAPI) -> None:
        self._session = session

    def call(self, method: str, **parameters: Any) -> Any:
        """Call a method by its name, as "host.get", and return its result.

        Raises MonitoringUnreachable or MonitoringRefused.
        """
        return self.call_with(method, parameters)

    def call_with(self, method: str, parameters: Any) -> Any:
        """Call a method whose parameters are a list."""
        with _worded(method):
            return self._session.send_api_request(method, parameters)["result"]


@contextmanager
def session(remote: Remote, inventory: Inventory, secrets: Secrets) -> Iterator[Api]:
    """Log in at the API through a connection to the monitor; the end of the block logs out."""
    address = inventory.monitor.interfaces[NetworkRole.MANAGEMENT].address.ip
    # A proxy of this machine has no way into the lab.
    with adopted(), tunnel(remote, str(address), ZABBIX_FRONTEND) as port:
        with _worded(LOGIN):
            opened = ZabbixAPI(
                url=f"http://{HERE}:{port}", timeout=CALL_TIMEOUT_S * inventory.timing.pace
            )
            opened.login(user=ADMIN, password=secrets.zabbix_admin_password)
        try:
            yield Api(opened)
        finally:
            # Zabbix forgets a session by itself, also one that it ended on its own account.
            with suppress(HalabError), _worded("logout"):
                opened.logout()


@contextmanager
def _worded(what: str) -> Iterator[None]:
    """Turn the client's errors into ours; the body of a request may hold secrets and stays out."""
    try:
        yield
    except APIRequestError as error:
        if what == LOGIN and WRONG_PASSWORD not in str(error.data):
            # A frontend whose database still starts answers as well, and in error.
            raise MonitoringUnreachable(f"Zabbix cannot work yet: {error.data}") from None
        refused = PasswordRefused if what == LOGIN else MonitoringRefused
        raise refused(f"Zabbix refused {what}: {error.message} {error.data}") from None
    except (ProcessingError, OSError, HTTPException) as error:
        raise MonitoringUnreachable(
            f"Zabbix's API does not answer ({what}): {error}",
            hint="on the monitor: systemctl status zabbix-server nginx php8.4-fpm postgresql",
        ) from None
