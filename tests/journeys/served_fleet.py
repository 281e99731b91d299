"""Serve several portals, with a portal file for each in one folder."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from connector.sandbox.http.server import Sandbox
from connector.sandbox.portal.portal import Portal


@dataclass(frozen=True, kw_only=True)
class Fleet:
    """Portals that are served, with their files in one folder."""

    folder: Path
    sandboxes: Mapping[str, Sandbox]

    def portal(self, name: str) -> Portal:
        return self.sandboxes[name].portal

    def write_file(self, name: str, *lines: str, token_of: str = "", token: str = "") -> Path:
        """Write a portal's file, with the token of another portal where that is named."""
        path = self.folder / f"{name}.toml"
        sandbox = self.sandboxes[token_of or name]
        text = [
            f"portal_id = {self.portal(name).portal_id}",
            f'token = "{token or sandbox.token}"',
            f'api_url = "{sandbox.url}"',
            *lines,
        ]
        path.write_text("\n".join(text) + "\n", encoding="utf-8")
        return path

    def stages(self, name: str) -> list[str]:
        """Return the stages of a portal's contacts, sorted."""
        records = self.portal(name).records("contacts")
        return sorted(record.values.get("lifecyclestage", "") for record in records)
