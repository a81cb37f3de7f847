"""Two copies of the data that part."""

from __future__ import annotations

from drills.cold_starts import everybody_away, served_alone, stale_alone
from drills.drill import ALL, SETTLE_S, Drill
from drills.expectations import but, replication_lost, unnoticed
from drills.faults import departure, replication
from inventory.parts import Storage
from parts.all import Parts
from parts.storage.replicas import named
from status.problems import Alarm


def entries(storage: Storage, user: str) -> tuple[Drill, ...]:
    """Return what can happen between the copies of a service's storage."""
    name, prefix = storage.resource, f"{storage.name}-" if storage.number else ""
    return (
        Drill(
            name=f"{prefix}replication-cut",
            service=user,
            title="Replication is cut while clients write, membership is not",
            teaches=(
                "Data first: the active node goes on alone only when nobody else can be promoted."
            ),
            watch="crm_mon --neg-locations: a constraint named drbd-fence-by-handler.",
            by_hand="nft delete table inet halab_fault_replication",
            fault=replication.replication_cut(storage),
            expects=replication_lost,
            target="standby",
            hold_s=SETTLE_S,
        ),
        Drill(
            name=f"{prefix}split-brain",
            service=user,
            title="Both nodes wrote to their copy: split brain",
            teaches="How it comes to be by force, how it looks, and the repair by hand.",
            watch="/proc/drbd: StandAlone on both; the journal says split brain.",
            by_hand=(
                f"On the node whose data go: drbdadm disconnect {name}; drbdadm secondary {name}; "
                f"drbdadm connect --discard-my-data {name}. On the other: drbdadm connect {name}."
            ),
            only="standby",
            fault=replication.split_brain(storage),
            expects=but(
                unnoticed(
                    rf"^replication{named(storage, 'of ')} on \S+ is StandAlone, not Connected$",
                    allowed_news=("split brain",),
                    alarms=(Alarm.REPLICATION_STANDALONE,),
                ),
                verify=True,
            ),
            target="standby",
            hold_s=SETTLE_S,
        ),
    )


def alone(parts: Parts, storage: Storage, user: str) -> tuple[Drill, ...]:
    """Return what can happen where a node that starts while all others are away may serve."""
    prefix = f"{storage.name}-" if storage.number else ""
    return (
        Drill(
            name=f"{prefix}rejoin",
            service=user,
            title="A node joins another that serves alone and has never met it",
            teaches=(
                "Who comes back harms nobody: its quorum device waits until the membership rests."
            ),
            watch="journalctl --unit corosync on the node that serves: it lives on.",
            by_hand="systemctl start corosync pacemaker on the node that is away",
            fault=departure.newest_first(storage, parts.leaving, parts.joining),
            expects=served_alone,
            others=everybody_away,
            target=ALL,
            most=99,
        ),
        Drill(
            name=f"{prefix}stale-first",
            service=user,
            title="All nodes are stopped, and the one with the older data starts first",
            teaches="Old data are never served: the node waits for newer ones, and nothing fails.",
            watch="crm_mon: the stale node stays unpromoted, no failed operation, no fail count.",
            by_hand="systemctl start corosync pacemaker on the other node",
            fault=departure.stale_first(storage, parts.leaving, parts.joining),
            expects=stale_alone,
            others=everybody_away,
            target=ALL,
            most=99,
            hold_s=SETTLE_S,
        ),
    )
