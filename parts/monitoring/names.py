"""Names that agents, server, template and readers of problems have to agree on."""

from __future__ import annotations

from inventory.model import Inventory

ADMIN = "Admin"
"""The only user of Zabbix's frontend and API."""

PSK_FILE = "/etc/zabbix/halab.psk"
AGENT_CONFIGURATION = "/etc/zabbix/zabbix_agent2.conf"

STATUS_FOLDER = "/run/halab"
STATUS_FILE = f"{STATUS_FOLDER}/status.json"
"""What the collector writes about a node; the template's master item reads it."""

READING_S = 120
"""How long a node may take to look at itself. On a busy host an emulated node, which puts all else
first, takes 35 s for it at times."""

CLOCK_PATIENCE_S = 120
"""How long a node's clock may follow nobody, as it does after a boot, before that is a problem."""

EVENTS_FILE = f"{STATUS_FOLDER}/event"
"""Its time is that of Pacemaker's last event here; the alert agent touches it."""

DATABASE_NOTE = "zabbix-database"
"""Below host.NOTES: the database has Zabbix's schema."""

ACCOUNTS_NOTE = "zabbix-accounts"
"""Below host.NOTES: a digest of the passwords that were set last."""


def cluster_host(inventory: Inventory) -> str:
    """Return the host that stands for the cluster as a whole; a dot is in no machine's name."""
    return f"{inventory.lab}.cluster"


def psk_identity(inventory: Inventory) -> str:
    """Return the name under which the lab's pre-shared key is known."""
    return f"halab-{inventory.lab}"


def silence_s(interval_s: int) -> int:
    """Return after how many seconds without a word a machine counts as silent: three readings."""
    return 3 * interval_s


def read_every_s(interval_s: int) -> int:
    """Return after how many seconds a node's status is read again.

    That is twice as often as it is written: nobody knows when that was.
    """
    return max(1, interval_s // 2)


def patience_s(interval_s: int) -> int:
    """Return for how many seconds a node's clock may follow nobody: four readings, or longer."""
    return max(CLOCK_PATIENCE_S, 4 * read_every_s(interval_s))


def patient_readings(interval_s: int) -> int:
    """Return how many readings there are in such a time, the last of which may be a moment late.

    Fewer say nothing: where a machine has just started, or all clocks of a lab that stood still
    were set, there may be one alone, from before the node has heard the monitor.
    """
    return patience_s(interval_s) // read_every_s(interval_s) - 1


def old_s(interval_s: int) -> int:
    """Return at which age of its status, in seconds, a node does not write it any more.

    It looks at itself for so long at most, an interval after it began to the last time, and the
    agent reads what it wrote within another.
    """
    return READING_S + 2 * interval_s
