"""Machines that end, stand still or start: power, kernels, whole nodes."""

from __future__ import annotations

from drills.cold_starts import all_lost
from drills.drill import ALL, SETTLE_S, Drill
from drills.expectations import frozen, hiccup, node_lost
from drills.faults import power
from status.events import POWER_OFF

ENTRIES = (
    Drill(
        name="power-off",
        title="A node loses its power",
        teaches="The whole chain: detection, fencing before takeover, start of what was lost.",
        watch="crm_mon on a survivor: UNCLEAN, fencing, then what it takes over.",
        by_hand="Give the power back: virsh start.",
        fault=power.off(),
        expects=node_lost(boots=False),
        event=POWER_OFF,
    ),
    Drill(
        name="reset",
        title="A node's reset button is pressed",
        teaches="A node that boots quickly must not come back before it was fenced.",
        watch="The fencing disk's slot of the node while it boots: sbd -d DISK list.",
        by_hand="Nothing: it boots by itself.",
        fault=power.reset(),
        expects=node_lost(),
    ),
    Drill(
        name="hang",
        title="A node's kernel panics and stands still",
        teaches="What the watchdog is for: nobody is left in that node who could fence it.",
        watch="The node's console, and the watchdog event of the hypervisor.",
        by_hand="Nothing: the watchdog resets it.",
        fault=power.panic(),
        expects=node_lost(allowed_news=("kernel trouble",)),
    ),
    Drill(
        name="freeze",
        title="A node stands still for longer than its fencing takes, then goes on",
        teaches="The stale node answers until its watchdog bites, and no promise is broken.",
        watch="Who answers for the service address when the frozen node goes on.",
        by_hand="virsh resume; the watchdog resets the node.",
        fault=power.freeze(),
        expects=frozen,
    ),
    Drill(
        name="stall",
        title="A node stands still for two thirds of the token's time",
        teaches="The token's patience: a hiccup is not a failure.",
        watch="journalctl --unit corosync: at most a word about a late token.",
        by_hand="virsh resume.",
        fault=power.stall(),
        expects=hiccup,
        hold_s=SETTLE_S,
    ),
    Drill(
        name="blackout",
        title="All nodes lose their power and come back one after the other",
        teaches="A cold start without fencing each other, and without losing what was promised.",
        watch="crm_mon: the election, startup fencing that does not happen.",
        by_hand="Start all nodes within dc-deadtime of each other.",
        fault=power.blackout(),
        expects=all_lost,
        target=ALL,
        most=99,
    ),
)
