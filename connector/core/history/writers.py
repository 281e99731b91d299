"""Describe who set a value, from the source that a property's history names."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Final, TypeAlias

from connector.core.model import Version

Source: TypeAlias = tuple[str, str]
"""Type and id of what set a value, as HubSpot names them in a history."""

# HubSpot's source types in the words that its screens use; others are shown as they are.
_SOURCE_WORDS: Final[Mapping[str, str]] = {
    "CRM_UI": "a person",
    "CRM_UI_BULK_ACTION": "a person, in bulk,",
    "MOBILE_IOS": "a person, on the phone,",
    "MOBILE_ANDROID": "a person, on the phone,",
    "AUTOMATION_PLATFORM": "a workflow",
    "WORKFLOWS": "a workflow",
    "INTEGRATION": "an integration",
    "INTEGRATIONS_PLATFORM": "an integration",
    "API": "an integration",
    "IMPORT": "an import",
    "FORM": "a form",
    "PIPELINE_SETTINGS": "a setting of the portal",
    "PROPERTY_SETTINGS": "a setting of the portal",
    "COMPANIES": "the company sync",
    "SALESFORCE": "Salesforce",
    "CONNECTOR": "the connector",
    "MIRROR": "somebody unknown",
    "MERGE_CONTACTS": "a merge",
    "MERGE_COMPANIES": "a merge",
    "MERGE_OBJECTS": "a merge",
}

# The source types of edits by people (`PropertyValue.source` in HubSpot's public OpenAPI
# files). The id of a user alone proves nothing, since calculated values carry it too.
_PERSON_SOURCES: Final = frozenset(
    {
        "CRM_UI",
        "CRM_UI_BULK_ACTION",
        "MOBILE_IOS",
        "MOBILE_ANDROID",
        "CONTACTS_WEB",
        "WORK_UI",
        "SALES",
        "SIDEKICK",
        "EXTENSION",
    }
)
_IMPORT_SOURCE: Final = "IMPORT"
UNKNOWN_SOURCES: Final = frozenset({"", "MIRROR"})
"""Source types without an author: the mirror saw the value, and HubSpot did not say who set it."""
_INTEGRATION_SOURCES: Final = frozenset({"INTEGRATION", "INTEGRATIONS_PLATFORM", "API"})


def is_by_person(version: Version, *, imports: bool) -> bool:
    """Return whether a person set this value; an import counts as one where `imports` says so.

    The type of the source decides, never the id of a user.
    """
    return version.source_type in _PERSON_SOURCES or (
        imports and version.source_type == _IMPORT_SOURCE
    )


def is_by_integration(version: Version) -> bool:
    """Return whether an app set this value through the API, as this connector does.

    Whether it was this connector, it cannot say: HubSpot's histories name an app by an id that
    no API answer tells the app itself.
    """
    return version.source_type in _INTEGRATION_SOURCES


def source_of(version: Version) -> Source:
    """Return type and id of a version's source."""
    return version.source_type, version.source_id


def may_be_ours(version: Version, own_sources: Collection[Source]) -> bool:
    """Return whether this connector may have set this value.

    `own_sources` holds the sources of its writes, as far as they are known. Where they are not,
    or HubSpot names no id, every integration may be this one.
    """
    if not own_sources or not version.source_id:
        return is_by_integration(version)
    return source_of(version) in own_sources


def writer_text(version: Version) -> str:
    """Return who set a value, with the id that leads there.

    >>> from datetime import UTC, datetime
    >>> writer_text(Version(value="lead", at=datetime(2026, 1, 1, tzinfo=UTC),
    ...               source_type="AUTOMATION_PLATFORM", source_id="enrollmentId:7"))
    'a workflow (enrollmentId:7)'
    """
    return source_text(version.source_type, version.source_id)


def source_text(source_type: str, source_id: str) -> str:
    """Return a source in words, with the id or label that leads there.

    >>> source_text("IMPORT", "")
    'an import'
    """
    word = (
        _SOURCE_WORDS.get(source_type, source_type.lower().replace("_", " ")) or "somebody unknown"
    )
    return f"{word} ({source_id})" if source_id else word
