"""The monitor's side: database, server, and the frontend on the management network alone."""

from __future__ import annotations

import hashlib

import bcrypt

from inventory.model import Inventory
from labs.ports import ZABBIX_FRONTEND, ZABBIX_SERVER
from labs.roles import NetworkRole
from parts.facts import Facts, ended
from parts.host import AT_BOOT, NOTES, Entry, File, Step, program, render, unit_link
from parts.monitoring.names import ACCOUNTS_NOTE, ADMIN, DATABASE_NOTE
from parts.secrets import Secrets

SERVER = "/etc/zabbix/zabbix_server.conf.d/halab.conf"
FRONTEND = "/etc/zabbix/zabbix.conf.php"
WEB_SERVER = "/etc/nginx/nginx.conf"
PHP = "/etc/php/8.4/fpm/pool.d/www.conf"
POSTGRESQL = "/etc/postgresql/17/main/conf.d/halab.conf"
"""Debian 13's versions stand in the paths of its configuration."""

PASSWORDS = "/etc/zabbix/halab-passwords.sql"
"""Goes away as soon as it is carried out."""

PASSWORD_ROUNDS = 10
"""bcrypt's cost; Zabbix's own choice."""

PHP_SOCKET = "/run/php/zabbix.sock"

DATABASE, PHP_FPM = "postgresql.service", "php8.4-fpm.service"
WEB, ZABBIX = "nginx.service", "zabbix-server.service"
UNITS = (DATABASE, PHP_FPM, WEB, ZABBIX)
"""In the order in which they need each other."""

SET_PASSWORDS = f"set -- {NOTES}/{ACCOUNTS_NOTE}\n{program('set_zabbix_passwords.sh')}"
"""Reads `statements`: the commands of steps are shown when they fail."""

CREATE_DATABASE = f"set -- {NOTES}/{DATABASE_NOTE}\n{program('create_zabbix_database.sh')}"
"""Zabbix's schema takes an emulated guest minutes to import."""

READERS = {
    POSTGRESQL: DATABASE,
    PHP: PHP_FPM,
    WEB_SERVER: WEB,
    SERVER: ZABBIX,
}
"""Who has to start again when a file changes; PHP reads the frontend's at every request."""


def files(inventory: Inventory, secrets: Secrets) -> tuple[Entry, ...]:
    """Describe the configuration of everything that the monitor runs, and its start at boot."""
    address = inventory.monitor.interfaces[NetworkRole.MANAGEMENT].address.ip
    password = secrets.zabbix_database_password
    server = render("zabbix_server.conf.j2", address=address, port=ZABBIX_SERVER, password=password)
    frontend = render(
        "zabbix.conf.php.j2", password=password, lab=inventory.lab, server_port=ZABBIX_SERVER
    )
    web = render(
        "zabbix-nginx.conf.j2", address=address, port=ZABBIX_FRONTEND, php_socket=PHP_SOCKET
    )
    return (
        File(SERVER, server, mode=0o640, owner="root:zabbix"),
        File(FRONTEND, frontend, mode=0o640, owner="root:www-data"),
        File(WEB_SERVER, web),
        File(PHP, render("zabbix-php.conf.j2", socket=PHP_SOCKET)),
        File(POSTGRESQL, render("zabbix-postgresql.conf.j2"), owner="postgres:postgres"),
        *(unit_link(unit, AT_BOOT) for unit in UNITS),
    )


def create_database(facts: Facts) -> tuple[Step, ...]:
    """Make the database with its schema; halab's own images bring it along."""
    if DATABASE_NOTE in facts.notes:
        return ()
    return (Step("Zabbix's database created", CREATE_DATABASE),)


def start(facts: Facts, changed: frozenset[str]) -> tuple[Step, ...]:
    """Make all daemons run with their present configuration and the accounts have their passwords.

    The passwords are set before the server and the frontend start.
    """
    stale = {unit for path, unit in READERS.items() if path in changed}
    restarted = [unit for unit in UNITS if unit in stale or not facts.unit(unit).active]
    steps: list[Step] = []
    if DATABASE in restarted:
        steps.append(Step("PostgreSQL runs", "systemctl restart postgresql@17-main postgresql"))
    if PASSWORDS in changed:
        command = f"exec <{PASSWORDS}\n{SET_PASSWORDS}rm {PASSWORDS}"
        steps.append(Step("Zabbix's passwords set", command))
    later = [unit for unit in restarted if unit is not DATABASE]
    if later:
        # The cluster can start meanwhile; who asks the API waits for it.
        command = f"systemctl --no-block restart {' '.join(later)}"
        steps.append(Step("Zabbix runs", command))
    return tuple(steps)


def accounts_digest(secrets: Secrets) -> str:
    """Identify the passwords without telling them: both are random and long."""
    text = f"{secrets.zabbix_database_password}\n{secrets.zabbix_admin_password}"
    return hashlib.sha256(text.encode()).hexdigest()


def delivery(facts: Facts, secrets: Secrets) -> tuple[File, ...]:
    """Describe the statements that set the passwords; nothing when they were set before."""
    if facts.notes.get(ACCOUNTS_NOTE) == accounts_digest(secrets):
        return ()
    return (File(PASSWORDS, statements(secrets), mode=0o600),)


def statements(secrets: Secrets) -> str:
    """Return what sets the passwords of the database's user and of the frontend's administrator."""
    salt = bcrypt.gensalt(PASSWORD_ROUNDS)
    return render(
        "zabbix-passwords.sql.j2",
        digest=accounts_digest(secrets),
        database_password=secrets.zabbix_database_password,
        admin=ADMIN,
        admin_hash=bcrypt.hashpw(secrets.zabbix_admin_password.encode(), salt).decode(),
    )


def stop(facts: Facts) -> tuple[Step, ...]:
    """Stop what a lab without monitoring does not need."""
    return ended("monitoring stopped", facts, reversed(UNITS))
