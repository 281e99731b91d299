"""Resolve the stages, lead statuses, pipelines and properties of a policy's settings."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import chain
from typing import Final
from zoneinfo import ZoneInfo

from connector.core.binding.bound_policy import Parse, PropertyReader
from connector.core.conditions.operands import option_value, unknown_option_message
from connector.core.conditions.values import Kind, Value, parse_date, parse_time
from connector.core.conditions.vocabulary import property_kind
from connector.core.leads import LeadStages
from connector.core.model import STAGE, STATUS, ObjectType, Option, Pipeline, Portal
from connector.core.policy.read_settings import PolicyWord, Setting
from connector.core.policy.rule import CLEAR
from connector.core.policy.setting_names import unbound_values
from connector.core.policy.setting_type import LISTS, SettingType
from connector.core.problem import Problems, did_you_mean, policy_error

_STAGE_TYPES: Final = frozenset(
    {SettingType.STAGE, SettingType.STAGES, SettingType.ALIASES, SettingType.TERMS}
)
NAMESPACES: Final = {
    "contact": ObjectType.CONTACTS,
    "company": ObjectType.COMPANIES,
    "deal": ObjectType.DEALS,
}
"""The object type by the first part of a property's name in conditions and settings."""
_STATUS_TYPES: Final = frozenset({SettingType.STATUS, SettingType.STATUSES})


@dataclass(frozen=True, slots=True, kw_only=True)
class PortalNames:
    """The stages, lead statuses and pipelines of a portal, for one object type.

    Where a portal has no stages at all for an object type, no word can be checked.
    """

    stages: tuple[Option, ...]
    statuses: tuple[Option, ...]
    pipelines: tuple[Option, ...]
    deal_stages: tuple[Option, ...] = ()
    lead_stages: tuple[Option, ...] = ()

    def options(self, setting_type: SettingType) -> tuple[Option, ...]:
        """Return the options that a setting of this type chooses from."""
        if setting_type in _STAGE_TYPES:
            return self.stages
        return self.statuses if setting_type in _STATUS_TYPES else self.pipelines

    def find(self, word: PolicyWord, setting_type: SettingType) -> str | None:
        """Return the internal value of a word, None where a preset names what the portal lacks.

        Raise PolicyError where a customer's own file names it.
        """
        if setting_type in _STATUS_TYPES and word.text == CLEAR:
            return ""
        options = self.options(setting_type)
        value = option_value(word.text, options)
        if value is None and word.own and (options or setting_type is SettingType.PIPELINES):
            raise policy_error(word.place, unknown_option_message(word.text, options))
        return value


def portal_names(portal: Portal, object_type: ObjectType) -> PortalNames:
    """Return the names that a policy may use for contacts or companies of a portal.

    Lead statuses are always those of contacts, since a company's lead status is never set.
    """
    pipelines = (
        Option(value=pipeline.id, label=pipeline.label, order=index)
        for index, pipeline in enumerate(portal.pipelines)
    )
    return PortalNames(
        stages=portal.options(object_type, STAGE),
        statuses=portal.options(ObjectType.CONTACTS, STATUS),
        pipelines=tuple(pipelines),
        deal_stages=tuple(_stage_options(portal.pipelines)),
        lead_stages=_lead_stage_options(portal.lead_pipelines or ()),
    )


def _lead_stage_options(pipelines: Sequence[Pipeline]) -> tuple[Option, ...]:
    """Return the stages of leads; the last option of a stage is how reasons call it."""
    options = list(_stage_options(pipelines))
    # Where there is only one pipeline, its name would say nothing.
    return tuple(options if len(pipelines) > 1 else [*options[1::2], *options[::2]])


def _stage_options(pipelines: Iterable[Pipeline]) -> Iterator[Option]:
    """Yield each stage by its label, and by `Pipeline: Stage`, which is never ambiguous."""
    for pipeline in pipelines:
        for order, stage in enumerate(pipeline.stages):
            yield Option(value=stage.id, label=stage.label, order=order)
            label = f"{pipeline.label}: {stage.label}"
            yield Option(value=stage.id, label=label, order=order)


def bound_values(settings: Mapping[str, Setting], names: PortalNames) -> dict[str, Value]:
    """Return every setting's value in the portal: None where it sleeps, "" for `clear`."""
    problems = Problems()
    values = unbound_values(settings)
    for name, setting in settings.items():
        if setting.type in _STAGE_TYPES | _STATUS_TYPES | {SettingType.PIPELINES}:
            with problems.collecting():
                values[name] = _bound_value(setting, names)
    problems.raise_all()
    return values


def lead_stages(settings: Mapping[str, Setting], names: PortalNames) -> LeadStages:
    """Return what the settings say of lead stages, by their ids; raise PolicyError for unknown."""
    problems = Problems()
    statuses: dict[str, str] = {}
    closed: set[str] = set()
    words = settings["leads.statuses"].words
    for stage, status in zip(words[::2], words[1::2], strict=True):
        with problems.collecting():
            value = _status_of_lead(status, names)
            statuses |= dict.fromkeys(_lead_stage_ids(stage, names), value) if value else {}
    for stage in settings["leads.closed"].words:
        with problems.collecting():
            closed.update(_lead_stage_ids(stage, names))
    problems.raise_all()
    return LeadStages(closed=frozenset(closed), statuses=statuses)


def _status_of_lead(word: PolicyWord, names: PortalNames) -> str | None:
    if word.text == CLEAR:
        raise policy_error(
            word.place, "a lead stage means a lead status: leave it out where it says nothing"
        )
    return names.find(word, SettingType.STATUS)


def _lead_stage_ids(word: PolicyWord, names: PortalNames) -> list[str]:
    """Return the lead stages that a word names: several where pipelines share the label."""
    text = word.text.casefold()
    stages = [option for option in names.lead_stages if text in _option_names(option)]
    if not stages and word.own and names.lead_stages:
        raise policy_error(word.place, unknown_option_message(word.text, names.lead_stages))
    return [option.value for option in stages]


def _option_names(option: Option) -> tuple[str, str]:
    return option.value.casefold(), option.label.casefold()


def texts_of(value: Value) -> tuple[str, ...]:
    """Return the texts of a list, () where the setting has none."""
    return (
        tuple(text for text in value if isinstance(text, str)) if isinstance(value, tuple) else ()
    )


def _bound_value(setting: Setting, names: PortalNames) -> Value:
    """Return a setting's value in the portal: None where it sleeps, "" for `clear`."""
    if setting.type is SettingType.ALIASES:
        return tuple(chain.from_iterable(_alias_pairs(setting, names)))
    if setting.type is SettingType.TERMS:
        return tuple(chain.from_iterable(_term_pairs(setting, names)))
    word_values = [(names.find(word, setting.type), word) for word in setting.words]
    if setting.type not in LISTS:
        return word_values[0][0] if word_values else None
    _refuse_duplicates([(value, word) for value, word in word_values if value is not None])
    return tuple(value for value, _ in word_values if value is not None)


def _alias_pairs(setting: Setting, names: PortalNames) -> list[tuple[str, str]]:
    """Return the aliases: each stage with the stage that it counts as."""
    word_pairs = list(zip(setting.words[::2], setting.words[1::2], strict=True))
    value_pairs = [
        (names.find(source, setting.type), names.find(target, setting.type))
        for source, target in word_pairs
    ]
    _refuse_duplicates(
        [(value, word) for (value, _), (word, _) in zip(value_pairs, word_pairs, strict=True)]
    )
    sources = {value for value, _ in value_pairs}
    for (_, target), (_, word) in zip(value_pairs, word_pairs, strict=True):
        if target and target in sources:
            raise policy_error(
                word.place, f"{word.text!r} is an alias itself: name the stage it stands for"
            )
    return [(source, target) for source, target in value_pairs if source and target]


def _term_pairs(setting: Setting, names: PortalNames) -> list[tuple[str, str]]:
    """Return each stage with its number of days, without stages that the portal lacks."""
    stage_words = setting.words[::2]
    stages = [names.find(word, setting.type) for word in stage_words]
    _refuse_duplicates(list(zip(stages, stage_words, strict=True)))
    days = (word.text for word in setting.words[1::2])
    return [(stage, term) for stage, term in zip(stages, days, strict=True) if stage]


def _refuse_duplicates(word_values: Sequence[tuple[str | None, PolicyWord]]) -> None:
    words_by_value: dict[str, PolicyWord] = {}
    for value, word in word_values:
        if value is None:
            continue
        if value in words_by_value:
            first_word = words_by_value[value]
            raise policy_error(
                word.place,
                f"{word.text!r} is {first_word.text!r} of line {first_word.place.line} once more",
            )
        words_by_value[value] = word


def named_property(
    name: str,
    settings: Mapping[str, Setting],
    portal: Portal,
    object_type: ObjectType = ObjectType.CONTACTS,
) -> str:
    """Return the property that a setting names, "" for none; raise if the portal lacks it."""
    words = settings[name].words
    definitions = portal.definitions.get(object_type, {})
    if words and words[0].text not in definitions:
        hint = did_you_mean(words[0].text, list(definitions))
        raise policy_error(
            words[0].place, f"{object_type} have no property {words[0].text!r}{hint}"
        )
    return words[0].text if words else ""


def score_property(settings: Mapping[str, Setting], portal: Portal) -> str:
    """Return the name of the score property, "" while scores sleep; raise PolicyError if unfit."""
    return _property_of_kind(
        "score.property", settings, portal, kind=Kind.NUMBER, description="a score"
    )


def last_order_property(settings: Mapping[str, Setting], portal: Portal) -> str:
    """Return the name of the property of the last order, "" for none; raise if unfit."""
    return _property_of_kind(
        "commerce.last_order", settings, portal, kind=Kind.TIME, description="the last order"
    )


def contract_end_reader(
    settings: Mapping[str, Setting], portal: Portal, zone: ZoneInfo
) -> PropertyReader | None:
    """Return how the end of a contract is read (`deal.contract_end`), None where none is named.

    Raise PolicyError where there is no such date property.
    """
    words = settings["churn.ended_at"].words
    if not words:
        return None
    namespace, _, name = words[0].text.partition(".")
    object_type = NAMESPACES.get(namespace)
    definition = portal.definitions.get(object_type, {}).get(name) if object_type else None
    if object_type is None or definition is None:
        raise policy_error(
            words[0].place,
            f"{words[0].text!r} is no property: write contact.…, company.… or deal.… with a name "
            "that the portal has",
        )
    if property_kind(definition) is not Kind.TIME:
        raise policy_error(
            words[0].place, f"{name} is a {property_kind(definition)}, a contract's end is a time"
        )
    parse: Parse = partial(parse_date, zone=zone) if definition.type == "date" else parse_time
    return PropertyReader(
        key="churn.ended_at", namespace=namespace, property_name=name, parse=parse
    )


def activity_property(settings: Mapping[str, Setting], portal: Portal) -> str:
    """Return the name of the property of the last activity, "" for none; raise if unfit."""
    return _property_of_kind(
        "follow_up.activity", settings, portal, kind=Kind.TIME, description="an activity"
    )


def _property_of_kind(
    setting_name: str,
    settings: Mapping[str, Setting],
    portal: Portal,
    *,
    kind: Kind,
    description: str,
) -> str:
    """Return the contact property that a setting names; raise where it holds another kind."""
    name = named_property(setting_name, settings, portal)
    if not name:
        return ""
    actual_kind = property_kind(portal.definitions[ObjectType.CONTACTS][name])
    if actual_kind is not kind:
        raise policy_error(
            settings[setting_name].words[0].place,
            f"{name} is a {actual_kind}, {description} is a {kind}",
        )
    return name
