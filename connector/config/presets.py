"""The policies that ship with the connector, by name."""

from __future__ import annotations

from importlib import resources

from connector.core.policy.load import Policy, load_policy

_SUFFIX = ".yaml"


def names() -> tuple[str, ...]:
    """Return the names of the presets."""
    file_names = (file.name for file in resources.files("mappings").iterdir())
    return tuple(
        sorted(
            file_name.removesuffix(_SUFFIX)
            for file_name in file_names
            if file_name.endswith(_SUFFIX) and not file_name.endswith(f".cases{_SUFFIX}")
        )
    )


def policy_text(name: str) -> str:
    """Return the YAML text of a preset; raise LookupError with the names there are."""
    if name not in names():
        raise LookupError(", ".join(names()))
    return resources.files("mappings").joinpath(f"{name}{_SUFFIX}").read_text(encoding="utf-8")


def cases_text(name: str) -> str:
    """Return the YAML text of a preset's cases; raise LookupError with the names there are."""
    if name not in names():
        raise LookupError(", ".join(names()))
    file = resources.files("mappings").joinpath(f"{name}.cases{_SUFFIX}")
    return file.read_text(encoding="utf-8")


def load_preset(name: str) -> Policy:
    """Return a preset as a policy of its own."""
    return load_policy(
        policy_text(name), source=f"{name}{_SUFFIX}", preset_text=policy_text, is_preset=True
    )
