"""Name the checkpoint that says whether the records of a trial may be left."""

from __future__ import annotations

from typing import Final

TRIAL_OPEN: Final = "trial-open"
