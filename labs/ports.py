"""TCP ports of the monitoring, all of them on the management network."""

from __future__ import annotations

ZABBIX_AGENT = 10050
"""Every machine's agent answers the server here."""

ZABBIX_SERVER = 10051
"""The server takes values from agents and from zabbix_sender here."""

ZABBIX_FRONTEND = 80
"""The web frontend and the API on the monitor."""
