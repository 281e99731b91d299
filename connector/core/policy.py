"""A policy as its files say it: settings and rules, not yet bound to a portal."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache, reduce

from connector.core.condition_tree import Condition
from connector.core.mark import Problems, nearest, wrong
from connector.core.merging import merge
from connector.core.model import ObjectType
from connector.core.policy_check import check_offline, named_properties
from connector.core.policy_file import Document, read_document
from connector.core.policy_form import Row, Rule, Target
from connector.core.policy_settings import Setting, Word, defaults


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """A loaded policy with everything that it extends.

    `digest` is of its meaning, not of its text; `source` is the file that says it. `document`
    is the same before references between settings were followed.
    """

    name: str
    version: str
    source: str
    digest: str
    settings: Mapping[str, Setting]
    lists: Mapping[str, Setting]
    rules: tuple[Rule, ...]
    rows: tuple[Row, ...]
    named: Mapping[ObjectType, tuple[str, ...]]
    document: Document

    def properties(self) -> Mapping[ObjectType, tuple[str, ...]]:
        """Return which HubSpot properties its conditions and settings name, by object type."""
        return self.named

    def number(self, name: str) -> float:
        """Return a setting that is a number (`hold_days`, `limits.always`, …)."""
        value = self.settings[name].plain
        if isinstance(value, float):
            return value
        raise KeyError(name)

    def flag(self, name: str) -> bool:
        """Return a setting that is yes or no (`hold.imports`)."""
        return self.settings[name].plain is True

    def texts(self, name: str) -> tuple[str, ...]:
        """Return a setting's texts as the file says them, () for none."""
        return self.settings[name].texts


def load(text: str, *, source: str, preset: Callable[[str], str], shipped: bool = False) -> Policy:
    """Return the policy in a YAML text; raise PolicyError with file, line and column.

    `preset(name)` gives the text of a shipped policy, or raises LookupError with the names
    there are. `shipped` says that the text itself is a preset, whose defaults a portal may lack.
    """
    own = read_document(text, source=source, own=not shipped)
    layers = [*_below(own, preset, seen=set()), own]
    ground = Document(name="", version="", own=False, settings=defaults())
    return _finished(reduce(merge, layers, ground))


def overlaid(policy: Policy, settings: Mapping[str, Setting]) -> Policy:
    """Return the policy with some settings changed; raise PolicyError if they do not fit it."""
    above = replace(policy.document, own=True, settings=settings, lists={}, rules=(), rows=())
    return _finished(merge(policy.document, above))


def _finished(document: Document) -> Policy:
    whole = replace(document, settings=_referred(document.settings))
    check_offline(whole)
    return Policy(
        name=document.name,
        version=document.version,
        source=document.source,
        digest=_digest(whole),
        settings=whole.settings,
        lists=whole.lists,
        rules=whole.rules,
        rows=whole.rows,
        named=named_properties(whole),
        document=document,
    )


def _below(document: Document, preset: Callable[[str], str], *, seen: set[str]) -> list[Document]:
    """Return the presets that a file extends, each once, the lowest first."""
    problems = Problems()
    layers: list[Document] = []
    for word in document.extends:
        if word.text in seen:
            continue
        seen.add(word.text)
        with problems.collecting():
            found = _read_preset(_text(word, preset), f"{word.text}.yaml")
            layers += [*_below(found, preset, seen=seen), found]
    problems.tell()
    return layers


@lru_cache(maxsize=16)
def _read_preset(text: str, source: str) -> Document:
    """Return a preset as a document; reading YAML is most of the cost of loading a policy."""
    return read_document(text, source=source, own=False)


def _text(word: Word, preset: Callable[[str], str]) -> str:
    try:
        return preset(word.text)
    except LookupError as error:
        known = str(error.args[0]) if error.args else ""
        hint = nearest(word.text, known.split(", "))
        raise wrong(word.mark, f"there is no preset {word.text!r}{hint}; known: {known}") from None


def _referred(settings: Mapping[str, Setting]) -> dict[str, Setting]:
    """Return the settings with each `$other` replaced by what the other one says."""
    problems = Problems()
    found = dict(settings)
    for name, setting in settings.items():
        if any(one.text.startswith("$") for one in setting.words):
            with problems.collecting():
                found[name] = _refer(setting, settings)
    problems.tell()
    return found


def _refer(setting: Setting, settings: Mapping[str, Setting]) -> Setting:
    word = setting.words[0]
    name = word.text.removeprefix("$")
    other = settings.get(name)
    if other is None:
        raise wrong(word.mark, f"there is no setting {name!r}{nearest(name, list(settings))}")
    if other.form is not setting.form or any(one.text.startswith("$") for one in other.words):
        raise wrong(word.mark, f"{setting.name} is a {setting.form}: {name} does not fit here")
    return replace(setting, words=other.words)


def _digest(document: Document) -> str:
    """Return a digest of everything that a decision can depend on, but no comment or place."""
    meaning = {
        "settings": {k: _setting(one) for k, one in document.settings.items()},
        "lists": {k: _setting(one) for k, one in document.lists.items()},
        "rules": [_rule(one) for one in document.rules],
        "rows": [_row(one) for one in document.rows],
    }
    return hashlib.sha256(json.dumps(meaning, sort_keys=True).encode()).hexdigest()


def _setting(setting: Setting) -> object:
    plain = setting.plain.text if isinstance(setting.plain, Condition) else setting.plain
    return [plain, *setting.texts]


def _target(target: Target) -> object:
    branches = sorted([key.text, value.text] for key, value in target.branches)
    return [target.by, branches, target.otherwise.text if target.otherwise else None]


def _rule(rule: Rule) -> object:
    return [
        [rule.name, sorted(rule.kinds), rule.when.text, _target(rule.stage)],
        [rule.way, rule.from_parked, rule.marks, rule.reason.parts],
    ]


def _row(row: Row) -> object:
    return [row.name, row.when.text, _target(row.lead_status), row.reason.parts]
