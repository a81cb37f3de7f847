"""What a node runs short of, or wrong: memory, processors, time."""

from __future__ import annotations

from drills.drill import SETTLE_S, Drill
from drills.expectations import but, unnoticed
from drills.faults import clock, pressure
from status.problems import Alarm

ENTRIES = (
    Drill(
        name="out-of-memory",
        title="A process eats all memory until the kernel kills it",
        teaches="The cluster's daemons are locked in memory and survive the kernel's choice.",
        watch="dmesg: who was killed.",
        by_hand="Nothing: the kernel ends it.",
        fault=pressure.memory_gone(),
        expects=but(unnoticed(allowed_news=("out of memory",)), outage_s=20.0),
        hold_s=2 * SETTLE_S,
    ),
    Drill(
        name="cpu-starvation",
        title="A node's processors are busy with something else",
        teaches="Membership and fencing run in real time; agents wait, and must be allowed to.",
        watch="top; crm_mon shows no failed operation.",
        by_hand="End the loops.",
        fault=pressure.processors_busy(),
        expects=but(unnoticed(), outage_s=20.0),
        hold_s=2 * SETTLE_S,
    ),
    Drill(
        name="clock-forward",
        title="A node's clock jumps an hour ahead",
        teaches="Daemons count time that passes, not the time of day.",
        watch="date on both nodes; nothing else happens.",
        by_hand="systemctl restart chrony",
        fault=clock.jumped(clock.LEAP_S),
        expects=but(unnoticed(alarms=(Alarm.CLOCK_OFFSET,)), clocks_agree=False),
        hold_s=SETTLE_S,
    ),
    Drill(
        name="clock-back",
        title="A node's clock jumps an hour back",
        teaches="The same in the direction that hurts naive timers more.",
        watch="date on both nodes; nothing else happens.",
        by_hand="systemctl restart chrony",
        fault=clock.jumped(-clock.LEAP_S),
        expects=but(unnoticed(alarms=(Alarm.CLOCK_OFFSET,)), clocks_agree=False),
        hold_s=SETTLE_S,
    ),
)
