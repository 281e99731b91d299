"""An OAuth app as it was installed in a portal."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class App:
    """The app, and the refresh token that the operator was given when it was installed."""

    client_id: str
    client_secret: str = field(repr=False)
    refresh_token: str = field(repr=False)

    @property
    def digest(self) -> str:
        """Return a name of this installation that reveals nothing."""
        return hashlib.sha256(f"{self.client_id} {self.refresh_token}".encode()).hexdigest()
