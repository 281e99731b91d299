"""Load a policy with everything that it extends, without a portal."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache, reduce

from connector.core.conditions.tree import Condition
from connector.core.model import ObjectType
from connector.core.policy.check_condition_names import (
    asks_for_leads,
    check_offline,
    named_properties,
)
from connector.core.policy.document import Document, read_document
from connector.core.policy.merge import merge
from connector.core.policy.read_settings import PolicyWord, Setting, default_settings
from connector.core.policy.rule import Row, Rule, Target
from connector.core.problem import Problems, did_you_mean, policy_error


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """A loaded policy with everything that it extends.

    `digest` covers its meaning, not its text; `source` is its file. `document` is its content
    before references between settings were resolved. `uses_leads` says that HubSpot's leads are
    evidence, so that the token must be allowed to read them.
    """

    name: str
    version: str
    source: str
    digest: str
    settings: Mapping[str, Setting]
    lists: Mapping[str, Setting]
    rules: tuple[Rule, ...]
    rows: tuple[Row, ...]
    property_names: Mapping[ObjectType, tuple[str, ...]]
    document: Document
    uses_leads: bool = False

    def properties(self) -> Mapping[ObjectType, tuple[str, ...]]:
        """Return which HubSpot properties its conditions and settings name, by object type."""
        return self.property_names

    def number(self, name: str) -> float:
        """Return a setting that is a number (`hold_days`, `limits.always`, …)."""
        value = self.settings[name].plain_value
        if isinstance(value, float):
            return value
        raise KeyError(name)

    def flag(self, name: str) -> bool:
        """Return a setting that is yes or no (`hold.imports`)."""
        return self.settings[name].plain_value is True

    def texts(self, name: str) -> tuple[str, ...]:
        """Return a setting's texts as the file has them, () for none."""
        return self.settings[name].texts


def load_policy(
    text: str, *, source: str, preset_text: Callable[[str], str], is_preset: bool = False
) -> Policy:
    """Return the policy in a YAML text; raise PolicyError with file, line and column.

    `preset_text(name)` returns the text of a shipped policy, or raises LookupError with the known
    names. `is_preset` says that the text itself is a preset, whose defaults a portal may lack.
    """
    own_document = read_document(text, source=source, own=not is_preset)
    layers = [*_extended_presets(own_document, preset_text, seen=set()), own_document]
    default_document = Document(name="", version="", own=False, settings=default_settings())
    return _build_policy(reduce(merge, layers, default_document))


def with_settings(policy: Policy, settings: Mapping[str, Setting]) -> Policy:
    """Return the policy with some settings changed; raise PolicyError if they do not fit it."""
    override = replace(policy.document, own=True, settings=settings, lists={}, rules=(), rows=())
    return _build_policy(merge(policy.document, override))


def _build_policy(document: Document) -> Policy:
    resolved = replace(document, settings=_resolve_references(document.settings))
    check_offline(resolved)
    return Policy(
        name=document.name,
        version=document.version,
        source=document.source,
        digest=_digest(resolved),
        settings=resolved.settings,
        lists=resolved.lists,
        rules=resolved.rules,
        rows=resolved.rows,
        property_names=named_properties(resolved),
        document=document,
        uses_leads=asks_for_leads(resolved),
    )


def _extended_presets(
    document: Document, preset_text: Callable[[str], str], *, seen: set[str]
) -> list[Document]:
    """Return the presets that a file extends, each once, the lowest first."""
    problems = Problems()
    layers: list[Document] = []
    for word in document.extends:
        if word.text in seen:
            continue
        seen.add(word.text)
        with problems.collecting():
            preset_document = _read_preset(
                _read_preset_text(word, preset_text), f"{word.text}.yaml"
            )
            layers += [*_extended_presets(preset_document, preset_text, seen=seen), preset_document]
    problems.raise_all()
    return layers


@lru_cache(maxsize=16)
def _read_preset(text: str, source: str) -> Document:
    """Return a preset as a document; reading YAML is most of the cost of loading a policy."""
    return read_document(text, source=source, own=False)


def _read_preset_text(word: PolicyWord, preset_text: Callable[[str], str]) -> str:
    try:
        return preset_text(word.text)
    except LookupError as error:
        known = str(error.args[0]) if error.args else ""
        hint = did_you_mean(word.text, known.split(", "))
        raise policy_error(
            word.place, f"there is no preset {word.text!r}{hint}; known: {known}"
        ) from None


def _resolve_references(settings: Mapping[str, Setting]) -> dict[str, Setting]:
    """Return the settings with each `$name` replaced by the value of that setting."""
    problems = Problems()
    resolved = dict(settings)
    for name, setting in settings.items():
        if any(word.text.startswith("$") for word in setting.words):
            with problems.collecting():
                resolved[name] = _resolve_reference(setting, settings)
    problems.raise_all()
    return resolved


def _resolve_reference(setting: Setting, settings: Mapping[str, Setting]) -> Setting:
    word = setting.words[0]
    name = word.text.removeprefix("$")
    referenced = settings.get(name)
    if referenced is None:
        raise policy_error(
            word.place, f"there is no setting {name!r}{did_you_mean(name, list(settings))}"
        )
    if referenced.type is not setting.type or any(
        referenced_word.text.startswith("$") for referenced_word in referenced.words
    ):
        raise policy_error(
            word.place, f"{setting.name} is a {setting.type}: {name} does not fit here"
        )
    return replace(setting, words=referenced.words)


def _digest(document: Document) -> str:
    """Return a digest of everything that a decision can depend on, without comments and places."""
    meaning = {
        "settings": {name: _setting_json(setting) for name, setting in document.settings.items()},
        "lists": {name: _setting_json(setting) for name, setting in document.lists.items()},
        "rules": [_rule_json(rule) for rule in document.rules],
        "rows": [_row_json(row) for row in document.rows],
    }
    return hashlib.sha256(json.dumps(meaning, sort_keys=True).encode()).hexdigest()


def _setting_json(setting: Setting) -> object:
    plain_value = (
        setting.plain_value.text
        if isinstance(setting.plain_value, Condition)
        else setting.plain_value
    )
    return [plain_value, *setting.texts]


def _target_json(target: Target) -> object:
    branches = sorted([key.text, value.text] for key, value in target.branches)
    return [target.by, branches, target.otherwise.text if target.otherwise else None]


def _rule_json(rule: Rule) -> object:
    return [
        [rule.name, sorted(rule.object_types), rule.when.text, _target_json(rule.stage)],
        [rule.direction, rule.from_parked, rule.marks_former_customer, rule.reason.parts],
    ]


def _row_json(row: Row) -> object:
    return [row.name, row.when.text, _target_json(row.lead_status), row.reason.parts]
