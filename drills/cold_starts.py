"""What may become of a lab that starts anew: all nodes were away, and one comes back alone."""

from __future__ import annotations

from dataclasses import replace

from drills.expectations import Expected, named_storage
from drills.situation import Fate, Situation
from status.problems import Alarm


def all_lost(situation: Situation) -> Expected:
    """Everybody is gone and comes back; who serves then is open, the data are not.

    They may take what a boot and a start of the whole lab may take.
    """
    return Expected(
        Fate.RETURNS,
        situation.timing.boot_wait_s + situation.timing.joined_wait_s,
        interrupted=True,
        rebooted=situation.targets,
        verify=situation.replicated,
    )


def served_alone(situation: Situation) -> Expected:
    """The active node comes back alone and serves; who joins it later harms nobody.

    It is alone when Pacemaker's patience is over and fences the others for safety, as it does at
    every start. Nothing answers from the first stop until it has done all that.
    """
    others = sorted(set(situation.nodes) - {situation.active})
    return Expected(
        Fate.RETURNS,
        _alone_s(situation),
        interrupted=True,
        fenced=frozenset(others),
        reasons=tuple(rf"^corosync does not answer on {name}$" for name in others),
        verify=True,
        alarms=frozenset({Alarm.PACEMAKER_DOWN, Alarm.FENCED}),
    )


def stale_alone(situation: Situation) -> Expected:
    """A node with old data serves nothing until the others are back, and names them."""
    alone = served_alone(situation)
    return replace(
        alone,
        outage_s=_waiting_s(situation),
        reasons=(
            rf"^{situation.active} waits for .*, which (?:may have|has) newer data"
            f"{named_storage(situation, 'of ')}$",
        ),
    )


def waits_for_all(situation: Situation) -> Expected:
    """The first node comes back alone and serves nothing until the others are back."""
    first, *others = situation.nodes
    return Expected(
        Fate.RETURNS,
        _waiting_s(situation),
        interrupted=True,
        reasons=(
            rf"^{first} is not in a quorate partition$",
            *(rf"^corosync does not answer on {name}$" for name in others),
        ),
        verify=situation.replicated,
        alarms=frozenset({Alarm.PACEMAKER_DOWN, Alarm.QUORUM_LOST}),
    )


def everybody_away(situation: Situation) -> Expected:
    """A service beside one whose node comes back alone: it is away with everybody, and is back."""
    return Expected(
        Fate.RETURNS, _waiting_s(situation), interrupted=True, verify=situation.replicated
    )


def _alone_s(situation: Situation) -> float:
    """Return how long it may take until all nodes have left, and one serves alone."""
    timing = situation.timing
    return float(len(situation.nodes) * timing.stop_wait_s + timing.healthy_wait_s)


def _waiting_s(situation: Situation) -> float:
    """Return the same where that one has to wait for the others."""
    return _alone_s(situation) + situation.timing.healthy_wait_s
