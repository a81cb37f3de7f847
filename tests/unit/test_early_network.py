"""The boot script of guests: a full root disk must not take a guest's ssh key."""

from __future__ import annotations

import re

from hypervisor.image import RECIPE

WRITTEN = re.compile(r'>\s*"?(/[\w/.-]+)')


def test_nothing_that_a_boot_needs_is_written_to_the_root_disk() -> None:
    places = WRITTEN.findall((RECIPE / "early-network").read_text())
    assert places == ["/run/halab-authorized_keys"]


def test_who_looks_for_keys_finds_them() -> None:
    customize = (RECIPE / "customize").read_text()
    assert 'ln -sf /run/halab-authorized_keys "$root/root/.ssh/authorized_keys"' in customize
