"""The policies that ship with the connector, by name."""

from __future__ import annotations

from importlib import resources

from connector.core.policy import Policy, load

_SUFFIX = ".yaml"


def names() -> tuple[str, ...]:
    """Return the names of the presets."""
    files = (one.name for one in resources.files("mappings").iterdir())
    return tuple(
        sorted(
            one.removesuffix(_SUFFIX)
            for one in files
            if one.endswith(_SUFFIX) and not one.endswith(f".cases{_SUFFIX}")
        )
    )


def preset(name: str) -> str:
    """Return the YAML text of a preset; raise LookupError with the names there are."""
    if name not in names():
        raise LookupError(", ".join(names()))
    return resources.files("mappings").joinpath(f"{name}{_SUFFIX}").read_text(encoding="utf-8")


def cases(name: str) -> str:
    """Return the YAML text of a preset's cases; raise LookupError with the names there are."""
    if name not in names():
        raise LookupError(", ".join(names()))
    file = resources.files("mappings").joinpath(f"{name}.cases{_SUFFIX}")
    return file.read_text(encoding="utf-8")


def policy(name: str) -> Policy:
    """Return a preset as a policy of its own."""
    return load(preset(name), source=f"{name}{_SUFFIX}", preset=preset, shipped=True)
