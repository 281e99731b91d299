"""Make the portal that a cases file describes: the default portal with the file's changes."""

from __future__ import annotations

from typing import Final

from connector.core.lint.default_portal import (
    DEAL_STAGES,
    STAGES,
    STATUSES,
    default_portal,
    definition,
)
from connector.core.model import ALWAYS_READ_TYPES, Pipeline, Portal, PropertyDefinition
from connector.core.yaml.nodes import Node
from connector.core.yaml.values import choice, scalar, section, text

_KEYS: Final = ("stages", "statuses", "pipelines", "time_zone", "contacts", "companies", "deals")
_TYPES: Final = ("string", "number", "bool", "date", "datetime", "enumeration")


def case_portal(*nodes: Node | None) -> Portal:
    """Return the default portal, changed by these mappings in their order."""
    nodes_by_key: dict[str, Node] = {}
    for node in nodes:
        entries = section(node, "portal", known=_KEYS).entries if node else {}
        nodes_by_key |= {name: value for name, (_, value) in entries.items()}
    pipelines = _labels(nodes_by_key["pipelines"]) if "pipelines" in nodes_by_key else {}
    zone = nodes_by_key.get("time_zone")
    return default_portal(
        stages=_labels(nodes_by_key["stages"]) if "stages" in nodes_by_key else STAGES,
        statuses=_labels(nodes_by_key["statuses"]) if "statuses" in nodes_by_key else STATUSES,
        extra_properties={
            object_type: _definitions(nodes_by_key.get(object_type.value))
            for object_type in ALWAYS_READ_TYPES
        },
        pipelines=[
            Pipeline(id=name, label=label, stages=DEAL_STAGES) for name, label in pipelines.items()
        ],
        time_zone=text(zone, "time_zone") if zone else "UTC",
    )


def _labels(node: Node) -> dict[str, str]:
    """Return values with their labels, in the order of the file."""
    entries = section(node, "stages, statuses and pipelines").entries
    return {name: scalar(value, name).text or name for name, (_, value) in entries.items()}


def _definitions(node: Node | None) -> tuple[PropertyDefinition, ...]:
    entries = section(node, "properties").entries if node else {}
    return tuple(
        definition(name, choice(value, name, _TYPES)) for name, (_, value) in entries.items()
    )
