"""Two copies of the data that part."""

from __future__ import annotations

from drills.drill import SETTLE_S, Drill
from drills.expectations import but, replication_lost, unnoticed
from drills.faults import replication
from status.problems import Alarm

ENTRIES = (
    Drill(
        name="replication-cut",
        title="Replication is cut while clients write, membership is not",
        teaches="Data first: the active node goes on alone only when nobody else can be promoted.",
        watch="crm_mon --neg-locations: a constraint named drbd-fence-by-handler.",
        by_hand="nft delete table inet halab_fault_replication",
        fault=replication.replication_cut(),
        expects=replication_lost,
        target="standby",
        hold_s=SETTLE_S,
    ),
    Drill(
        name="split-brain",
        title="Both nodes wrote to their copy: split brain",
        teaches="How it comes to be by force, how it looks, and the repair by hand.",
        watch="/proc/drbd: StandAlone on both; the journal says split brain.",
        by_hand=(
            "On the node whose data go: drbdadm disconnect r0; drbdadm secondary r0; "
            "drbdadm connect --discard-my-data r0. On the other: drbdadm connect r0."
        ),
        only="standby",
        fault=replication.split_brain(),
        expects=but(
            unnoticed(
                r"^replication on \S+ is StandAlone, not Connected$",
                allowed_news=("split brain",),
                alarms=(Alarm.REPLICATION_STANDALONE,),
            ),
            verify=True,
        ),
        target="standby",
        hold_s=SETTLE_S,
    ),
)
