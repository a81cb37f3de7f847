"""Every timeout follows from a few that a person chooses, and the pace of the machines."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from labs.timing import EMULATION_PACE, KVM_PACE, PROFILES, SLOW_HOST, Timing, emulation_pace

KVM = Timing(pace=KVM_PACE)
EMULATION = Timing(pace=EMULATION_PACE)


def refusals(**chosen: object) -> list[str]:
    """Return the keys that a timing with these choices is refused for."""
    with pytest.raises(ValidationError) as caught:
        Timing.model_validate(chosen)
    keys: list[str] = []
    for error in caught.value.errors():
        cause = error.get("ctx", {}).get("error")
        found = getattr(cause, "found", None)
        keys += [c.keys[0] for c in found] if found else [str(error["loc"][0])]
    return keys


def test_nobody_has_to_choose_anything() -> None:
    assert (KVM.token_ms, KVM.consensus_ms, KVM.watchdog_s, KVM.msgwait_s) == (3000, 3600, 5, 10)
    assert KVM.sync_timeout_ms == 4000
    assert Timing() == KVM


def test_what_is_not_chosen_follows_from_what_is() -> None:
    slow = Timing(watchdog_s=15)
    assert slow.msgwait_s == 30
    assert slow.sync_timeout_ms == 12000
    assert slow.power_timeout_s > slow.msgwait_s
    assert slow.stonith_timeout_s >= 1.2 * slow.msgwait_s + slow.death_s


@pytest.mark.parametrize("watchdog_s", [3, 5, 10, 60, 120])
@pytest.mark.parametrize("token_ms", [1000, 3000, 30000])
def test_what_halab_computes_never_contradicts_itself(watchdog_s: int, token_ms: int) -> None:
    timing = Timing(watchdog_s=watchdog_s, token_ms=token_ms)
    assert Timing.model_validate_json(timing.model_dump_json()) == timing
    assert timing.stonith_timeout_s > timing.power_timeout_s > timing.msgwait_s


@pytest.mark.parametrize("token_ms", [1000, 3000, 5000, 30000])
def test_the_quorum_device_gives_a_lost_node_up_before_the_others_need_its_vote(
    token_ms: int,
) -> None:
    timing = Timing(token_ms=token_ms)
    heartbeat_ms = 0.8 * timing.qdevice_timeout_ms
    assert heartbeat_ms >= 1000
    assert timing.qdevice_timeout_ms <= 10000
    assert 1.5 * heartbeat_ms <= 1000 * timing.death_s


@pytest.mark.parametrize("token_ms", [1000, 3000, 30000])
@pytest.mark.parametrize("dc_deadtime_s", [2, 10, 60])
def test_the_quorum_device_registers_when_whoever_starts_together_has_met(
    token_ms: int, dc_deadtime_s: int
) -> None:
    timing = Timing(token_ms=token_ms, dc_deadtime_s=dc_deadtime_s)
    assert timing.membership_rest_s >= max(timing.death_s, dc_deadtime_s)
    assert timing.membership_wait_s > 2 * timing.membership_rest_s


def test_the_slow_host_profile_is_twice_as_patient_with_the_watchdog() -> None:
    slow = Timing(**SLOW_HOST)
    assert (slow.token_ms, slow.watchdog_s, slow.msgwait_s) == (5000, 10, 20)
    assert PROFILES["default"] == {}


def test_emulation_stretches_waits_but_nothing_that_a_person_chooses() -> None:
    assert EMULATION.boot_wait_s == 4 * KVM.boot_wait_s
    assert EMULATION.model_dump(exclude={"pace"}) == KVM.model_dump(exclude={"pace"})


@pytest.mark.parametrize("timing", [KVM, EMULATION, Timing(**SLOW_HOST), Timing(watchdog_s=60)])
def test_the_fence_handler_outlasts_fencing(timing: Timing) -> None:
    assert timing.fence_handler_s > timing.stonith_timeout_s + timing.death_s
    assert timing.fence_handler_dc_s > timing.fence_handler_s


def test_every_contradiction_is_named() -> None:
    assert refusals(msgwait_s=9) == ["msgwait_s"]
    assert refusals(sync_timeout_ms=5000) == ["sync_timeout_ms"]
    assert refusals(stonith_timeout_s=18) == ["stonith_timeout_s"]
    assert refusals(msgwait_s=8, sync_timeout_ms=6000, stonith_timeout_s=12) == [
        "msgwait_s",
        "sync_timeout_ms",
        "stonith_timeout_s",
    ]


def test_corosync_starts_with_every_pair_of_token_and_retransmits() -> None:
    # As `corosync -t` judged them.
    assert refusals(token_ms=1000, token_retransmits=34) == ["token_retransmits"]
    assert refusals(token_ms=1205, token_retransmits=40) == ["token_retransmits"]
    Timing(token_ms=1000, token_retransmits=33)
    Timing(token_ms=1100, token_retransmits=36)


@pytest.mark.parametrize("pace", [KVM_PACE, EMULATION_PACE])
def test_waits_grow_with_the_disk(pace: int) -> None:
    usual = Timing(pace=pace)
    assert usual.healthy_wait_s == usual.joined_wait_s == 90 * pace
    for gib in (10, 100, 1024):
        large = Timing(pace=pace, data_disk_mib=1024 * gib)
        assert large.healthy_wait_s > 1024 * gib / (100 if pace == KVM_PACE else 20)
        # As DRBD was seen to compare in emulation, and is limited to with KVM.
        assert large.compare_wait_s(1024 * gib) > 1024 * gib / (100 if pace == KVM_PACE else 3.4)
        assert large.joined_wait_s == usual.joined_wait_s
    tables_mib = 1024 * 1024 / 256
    assert Timing(pace=pace, data_disk_mib=1024 * 1024).format_wait_s > tables_mib * pace / 25


@pytest.mark.parametrize("token_ms", [1000, 2000, 3000, 5000, 30000])
@pytest.mark.parametrize("watchdog_s", [3, 5, 60])
def test_a_hiccup_is_shorter_than_anybodys_patience(token_ms: int, watchdog_s: int) -> None:
    timing = Timing(token_ms=token_ms, watchdog_s=watchdog_s, sync_timeout_ms=2000)
    assert 0.6 < timing.hiccup_s < min(token_ms / 1000, watchdog_s)
    assert timing.hiccup_s < timing.drbd_ping_timeout_ds / 10


def test_a_short_token_is_doubted_in_emulation_only() -> None:
    assert "token_ms = 1000" in Timing(pace=EMULATION_PACE, token_ms=1000).doubts[0]
    assert Timing(token_ms=1000).doubts == Timing(pace=EMULATION_PACE).doubts == ()


def test_contradictions_begin_where_the_rules_say() -> None:
    Timing(msgwait_s=10, sync_timeout_ms=4999, stonith_timeout_s=19)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("token_ms", 999),
        ("token_ms", "3000"),
        ("token_ms", 3000.0),
        ("watchdog_s", 2),
        ("watchdog_s", True),
        ("dc_deadtime_s", 1),
        ("recheck_s", 59),
        ("token_retransmits", 3),
        ("pace", 0),
        ("tokens_ms", 3000),
    ],
)
def test_a_value_that_cannot_be(key: str, value: object) -> None:
    assert key in refusals(**{key: value})


def test_timing_cannot_be_changed() -> None:
    with pytest.raises(ValidationError):
        KVM.token_ms = 1  # type: ignore[misc]


def test_emulated_machines_share_the_hosts_processors() -> None:
    # From the default lab to the largest that a definition can have.
    paces = [emulation_pace(machines) for machines in range(3, 10)]
    assert paces[0] == EMULATION_PACE
    assert paces == sorted(set(paces))
    assert Timing(pace=paces[-1]).pace == 12


@pytest.mark.parametrize(("machines", "seconds"), [(3, 30), (4, 60), (6, 60)])
def test_the_more_emulated_machines_the_less_often_each_is_read(
    machines: int, seconds: int
) -> None:
    assert Timing(pace=emulation_pace(machines)).observe_every_s == seconds
    assert KVM.observe_every_s == 10
