"""halab as a person types it, by the Python that runs the stories."""

from __future__ import annotations

import sys

HALAB = (sys.executable, "-P", "-m", "cli")
