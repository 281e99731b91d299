"""Find the recorded answers and the OpenAPI files that lie beside the checkout."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

import pytest

FOLDER_NAMES: Final = {"HUBSPOT_RECORDED_DIR": "recorded", "HUBSPOT_SPECS_DIR": "specs"}
SHARED: Final = Path(__file__).parents[4] / "shared"


def folder_from_environment(variable: str) -> Path | None:
    """Return the folder that the environment names."""
    value = os.environ.get(variable, "")
    return Path(value) if value else None


def required_folder(variable: str, shared: Path = SHARED) -> Path:
    """Return the folder, skip without one, and fail where CI has one but does not name it."""
    folder = folder_from_environment(variable)
    if folder and folder.is_dir():
        return folder
    shared_folder = shared / FOLDER_NAMES[variable]
    if folder or (os.environ.get("CI") == "true" and shared_folder.is_dir()):
        pytest.fail(f"{variable} must name the folder {FOLDER_NAMES[variable]}, not {folder}")
    pytest.skip(f"{variable} is not set: NOTHING is checked against what HubSpot really answers")
