"""What Zabbix watches: brought to what the inventory asks for, through its API.

Reading and planning are apart from changing: `plan` is pure, and on a second run it is empty.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from core.errors import HalabError
from inventory.model import Inventory, Machine
from labs.ports import ZABBIX_AGENT
from labs.roles import MachineRole
from parts.all import Parts
from parts.monitoring.agent import listening_address
from parts.monitoring.names import (
    ADMIN,
    cluster_host,
    old_s,
    patience_s,
    patient_readings,
    psk_identity,
    read_every_s,
    silence_s,
)
from parts.secrets import Secrets
from provisioning.zabbix import dashboard, template
from provisioning.zabbix.api import Api
from provisioning.zabbix.template import CLUSTER, MACHINE, NODE

GUEST = "guest"
DISABLED_GROUP = "Disabled"
"""What Zabbix's own data call them."""

PSK = 2
"""Encryption by a pre-shared key, as the API counts."""

PROBE_S = 5
"""Between two probes of a service from outside."""

_EVERYTHING = {"createMissing": True, "updateExisting": True}
RULES = {
    "template_groups": _EVERYTHING,
    "templates": _EVERYTHING,
    "valueMaps": {**_EVERYTHING, "deleteMissing": True},
    "items": {**_EVERYTHING, "deleteMissing": True},
    "triggers": {**_EVERYTHING, "deleteMissing": True},
    "httptests": {**_EVERYTHING, "deleteMissing": True},
}
"""How the templates are imported: what they no longer hold goes away, on all hosts."""


@dataclass(frozen=True)
class Host:
    """A host as it shall be. `address` is None for the cluster, which has no agent of its own."""

    name: str
    visible: str
    templates: frozenset[str]
    address: str | None
    macros: dict[str, str]
    note: str
    """Shown as the host's description; it changes with the key, which the API never tells."""


def group_name(inventory: Inventory) -> str:
    """Return the group of all hosts of the lab."""
    return f"halab/{inventory.lab}"


def hosts(inventory: Inventory, secrets: Secrets) -> tuple[Host, ...]:
    """Describe all hosts: every machine, and the cluster as a whole."""
    interval = inventory.observe_every_s
    timing = {
        "{$HALAB.INTERVAL}": f"{interval}s",
        "{$HALAB.READ}": f"{read_every_s(interval)}s",
        "{$HALAB.PATIENCE}": f"{patience_s(interval)}s",
        "{$HALAB.LEAST}": str(patient_readings(interval)),
        "{$HALAB.SILENCE}": f"{silence_s(interval)}s",
        "{$HALAB.OLD}": f"{old_s(interval)}s",
    }
    key = hashlib.sha256(secrets.zabbix_psk.encode()).hexdigest()[:8]
    note = f"Made by halab for the lab {inventory.lab}; key {key}."
    name = cluster_host(inventory)
    return (
        *(_machine(machine, timing, note) for machine in inventory.machines),
        Host(
            name=name,
            # Templates share these names, and no lab is to be called like one of them.
            visible=f"cluster {inventory.lab}",
            templates=frozenset({CLUSTER}),
            address=None,
            macros={
                "{$HALAB.PROBE}": f"{PROBE_S}s",
                "{$HALAB.SILENCE}": f"{silence_s(interval)}s",
            },
            note=note,
        ),
    )


def _machine(machine: Machine, macros: dict[str, str], note: str) -> Host:
    node = {NODE} if machine.role is MachineRole.NODE else set()
    return Host(
        name=machine.name,
        visible=machine.name,
        templates=frozenset({MACHINE, *node}),
        address=listening_address(machine),
        macros=macros,
        note=note,
    )


def differs(wanted: Host, found: dict[str, Any] | None) -> bool:
    """Tell whether a host, as host.get returns it, is not as it shall be."""
    if found is None:
        return True
    addresses = [interface["ip"] for interface in found["interfaces"]]
    return not (
        found["name"] == wanted.visible
        and found["status"] == "0"
        and found["description"] == wanted.note
        and (found["tls_connect"], found["tls_accept"]) == (str(PSK), str(PSK))
        and {linked["host"] for linked in found["parentTemplates"]} == wanted.templates
        and {macro["macro"]: macro["value"] for macro in found["macros"]} == wanted.macros
        and addresses == ([wanted.address] if wanted.address else [])
    )


def describe(parts: Parts, secrets: Secrets) -> str:
    """Return all that Zabbix shall be told, as text: where it differs, so does what it is told."""
    inventory = parts.inventory
    ids = {key: "" for key in dashboard.ITEMS}
    board = dashboard.layout(parts, cluster_host(inventory), "", [], ids)
    told = [
        (h.name, h.visible, sorted(h.templates), h.address, sorted(h.macros.items()), h.note)
        for h in hosts(inventory, secrets)
    ]
    return repr((template.source(parts), RULES, told, PSK, dashboard.essence(board)))


def ensure_configured(api: Api, parts: Parts, secrets: Secrets) -> tuple[str, ...]:
    """Make Zabbix watch the lab as wanted; return what was changed, nothing when all was right."""
    listed = api.call(
        "host.get",
        output=["host", "name", "status", "description", "tls_connect", "tls_accept"],
        selectParentTemplates=["host"],
        selectMacros=["macro", "value"],
        selectInterfaces=["interfaceid", "ip"],
    )
    found = {host["host"]: host for host in listed}
    wanted = {host.name: host for host in hosts(parts.inventory, secrets)}
    return (
        *_ensure_templates(api, parts, compare=not found.keys().isdisjoint(wanted)),
        *_ensure_hosts(api, parts.inventory, secrets, wanted, found),
        *_ensure_guest_disabled(api),
        *_ensure_dashboard(api, parts),
    )


def _ensure_templates(api: Api, parts: Parts, *, compare: bool) -> Iterable[str]:
    """Import what differs. Where nothing is watched yet, to compare would only cost its time.

    Of an expression that it cannot read Zabbix 7.0 says nothing: it leaves all triggers away.
    """
    source = {"format": template.FORMAT, "rules": RULES, "source": template.source(parts)}
    if not compare or api.call_with("configuration.importcompare", source):
        api.call_with("configuration.import", source)
        wanted = template.triggers(parts)
        there = api.call(
            "trigger.get",
            countOutput=True,
            templated=True,
            filter={"host": [MACHINE, NODE, CLUSTER]},
        )
        if int(there) != len(wanted):
            raise HalabError(
                f"Zabbix has {there} of the {len(wanted)} triggers of its templates",
                detail="It took the rest, and would raise next to nothing.",
                hint="an expression in parts/templates/watched is none to it",
            )
        yield "monitoring templates imported"


def _ensure_hosts(
    api: Api,
    inventory: Inventory,
    secrets: Secrets,
    wanted: Mapping[str, Host],
    found: Mapping[str, dict[str, Any]],
) -> Iterable[str]:
    # The monitor watches this lab and nothing else.
    strangers = [host["hostid"] for name, host in found.items() if name not in wanted]
    if strangers:
        api.call_with("host.delete", strangers)
        yield "hosts removed from monitoring"
    changed = [host for name, host in wanted.items() if differs(host, found.get(name))]
    if not changed:
        return
    group = _ensure_group(api, group_name(inventory))
    names = sorted({name for host in changed for name in host.templates})
    templates = {
        entry["host"]: entry["templateid"]
        for entry in api.call("template.get", output=["host"], filter={"host": names})
    }
    bodies = [_body(host, group, templates, inventory, secrets) for host in changed]
    created = [b for h, b in zip(changed, bodies, strict=True) if h.name not in found]
    if created:
        api.call_with("host.create", created)
    updated = [
        _update(b, found[h.name]) for h, b in zip(changed, bodies, strict=True) if h.name in found
    ]
    if updated:
        api.call_with("host.update", updated)
    yield f"monitored: {', '.join(host.name for host in changed)}"


def _ensure_group(api: Api, name: str) -> str:
    groups = api.call("hostgroup.get", output=["groupid"], filter={"name": [name]})
    if groups:
        return str(groups[0]["groupid"])
    return str(api.call("hostgroup.create", name=name)["groupids"][0])


def _body(
    host: Host, group: str, templates: dict[str, str], inventory: Inventory, secrets: Secrets
) -> dict[str, Any]:
    interface = {"type": 1, "main": 1, "useip": 1, "dns": "", "port": str(ZABBIX_AGENT)}
    return {
        "host": host.name,
        "name": host.visible,
        "status": 0,
        "description": host.note,
        "groups": [{"groupid": group}],
        "templates": [{"templateid": templates[name]} for name in sorted(host.templates)],
        "macros": [{"macro": name, "value": value} for name, value in host.macros.items()],
        "interfaces": [{**interface, "ip": host.address}] if host.address else [],
        "tls_connect": PSK,
        "tls_accept": PSK,
        "tls_psk_identity": psk_identity(inventory),
        "tls_psk": secrets.zabbix_psk,
    }


def _update(body: dict[str, Any], found: dict[str, Any]) -> dict[str, Any]:
    """Return what changes a host: its interface stays the one that its items are linked to."""
    ids = (interface["interfaceid"] for interface in found["interfaces"])
    interfaces = [
        interface if (known := next(ids, None)) is None else {**interface, "interfaceid": known}
        for interface in body["interfaces"]
    ]
    return {**body, "hostid": found["hostid"], "interfaces": interfaces}


def _ensure_guest_disabled(api: Api) -> Iterable[str]:
    (guest,) = api.call(
        "user.get",
        output=["username"],
        filter={"username": GUEST},
        selectUsrgrps=["users_status"],
    ) or [None]
    if guest is None or any(group["users_status"] == "1" for group in guest["usrgrps"]):
        return
    (group,) = api.call("usergroup.get", output=["usrgrpid"], filter={"name": DISABLED_GROUP})
    api.call("user.update", userid=guest["userid"], usrgrps=[{"usrgrpid": group["usrgrpid"]}])
    yield "guest account of monitoring disabled"


def _ensure_dashboard(api: Api, parts: Parts) -> Iterable[str]:
    inventory = parts.inventory
    name = cluster_host(inventory)
    items = api.call(
        "item.get",
        output=["key_"],
        host=name,
        filter={"key_": list(dashboard.ITEMS)},
        selectHosts=["name"],
    )
    machines = api.call(
        "host.get",
        output=["host"],
        filter={"host": [node.name for node in inventory.nodes]},
        selectHostGroups=["groupid"],
    )
    wanted = dashboard.layout(
        parts,
        items[0]["hosts"][0]["name"],
        machines[0]["hostgroups"][0]["groupid"],
        sorted(machine["hostid"] for machine in machines),
        {item["key_"]: item["itemid"] for item in items},
    )
    found = api.call(
        "dashboard.get",
        output=["dashboardid"],
        filter={"name": dashboard.NAME},
        selectPages="extend",
    )
    if found and dashboard.essence(found[0]) == dashboard.essence(wanted):
        return
    if found:
        api.call("dashboard.update", dashboardid=found[0]["dashboardid"], **wanted)
        yield "monitoring dashboard changed"
        return
    made = api.call("dashboard.create", private=0, **wanted)["dashboardids"][0]
    (admin,) = api.call("user.get", output=["userid"], filter={"username": ADMIN})
    # Whoever logs in sees the cluster.
    page = f"zabbix.php?action=dashboard.view&dashboardid={made}"
    api.call("user.update", userid=admin["userid"], url=page, refresh="5s")
    yield "monitoring dashboard made"
