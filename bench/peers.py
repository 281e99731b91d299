"""Other programs that read a HubSpot portal, each in an environment of its own.

An environment is made once, in `var/bench/`, from the Python registry; a peer that does not
install is named and left out. Each reads the same contacts with the same properties.
"""

from __future__ import annotations

import subprocess
import sys
import venv
from dataclasses import dataclass
from pathlib import Path
from typing import Final

_FOLDER: Final = Path("var/bench")
_SCRIPTS: Final = Path(__file__).with_name("peer_scripts")


@dataclass(frozen=True, kw_only=True)
class Peer:
    """A program to compare with: what is installed, and the script that reads the contacts."""

    name: str
    packages: tuple[str, ...]
    script: str


PEERS: Final = (
    Peer(
        name="HubSpot SDK, get_all",
        packages=("hubspot-api-client==12.0.0", "urllib3>=2.6.1,<3"),
        script="sdk_get_all.py",
    ),
    Peer(
        name="dlt, REST source to files",
        packages=("dlt>=1.18,<2",),
        script="dlt_to_files.py",
    ),
)


def command_of(peer: Peer, url: str) -> list[str] | None:
    """Return the command that runs a peer, None where it does not install."""
    folder = _FOLDER / peer.script.removesuffix(".py")
    python = folder / "bin" / "python"
    if not python.exists():
        venv.create(folder, with_pip=True)
    install = subprocess.run(
        [str(python), "-m", "pip", "install", "--quiet", *peer.packages],
        capture_output=True,
        text=True,
        check=False,
    )
    if install.returncode:
        sys.stderr.write(f"SKIPPED: {peer.name} does not install here:\n{install.stderr[-500:]}\n")
        return None
    return [str(python.absolute()), str(_SCRIPTS / peer.script), url]
