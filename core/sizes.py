"""Sizes of memory and disks as a person reads them."""

from __future__ import annotations

MIB = 1024 * 1024
"""Bytes."""

MIB_PER_GIB = 1024

QUARTER_MIB = MIB_PER_GIB // 4
"""Sizes of whole quarters of a GiB are short as GiB and still exact."""


def size(mib: int) -> str:
    """Return a size given in MiB, in GiB where that is short: `1.5 GiB`, `1000 MiB`."""
    if mib >= MIB_PER_GIB and mib % QUARTER_MIB == 0:
        return f"{mib / MIB_PER_GIB:g} GiB"
    return f"{mib} MiB"
