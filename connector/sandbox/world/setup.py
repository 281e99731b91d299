"""Set portals up: a Norwegian company's after some years, and an ordinary English one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from connector.sandbox.portal.portal import Portal
from connector.sandbox.world.names import ASCII, OWN_DOMAIN
from connector.sandbox.world.situations import CHURNED, PILOT

SCORE_PROPERTY: Final = "fit_and_engagement_score"
USER_IDS: Final = (67000001, 67000002, 67000003, 67000004)
APP_ID: Final = "1839201"

SELLERS: Final = (
    ("Silje", "Myhre"),
    ("Jörg", "Krause"),
    ("Tuva", "Brekke"),
    ("Rasmus", "Bæk"),
)
STAGES: Final = (
    ("subscriber", "Subscriber"),
    ("lead", "Lead"),
    ("marketingqualifiedlead", "Marketing Qualified Lead"),
    ("salesqualifiedlead", "Klar for salg"),
    ("opportunity", "Mulighet"),
    (PILOT, "Pilotkunde"),
    ("customer", "Kunde"),
    (CHURNED, "Churned Customer"),
    ("evangelist", "Ambassadør"),
    ("other", "Annet"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class DealPipeline:
    """A deal pipeline, with its stages by what they mean."""

    pipeline_id: str
    label: str
    open_stages: tuple[tuple[str, str, float], ...]
    won_stage: tuple[str, str]
    lost_stage: tuple[str, str]
    undecided_stage: tuple[str, str, float] | None = None

    def stages(self) -> list[tuple[str, str, bool, float]]:
        """Return the stages in the portal's form: id, label, closed, probability."""
        open_rows = [
            (stage_id, label, False, probability)
            for stage_id, label, probability in self.open_stages
        ]
        closed_rows = [(*self.won_stage, True, 1.0), (*self.lost_stage, True, 0.0)]
        undecided_rows = [
            (stage_id, label, True, probability)
            for stage_id, label, probability in filter(None, (self.undecided_stage,))
        ]
        return open_rows + closed_rows + undecided_rows


SALES: Final = DealPipeline(
    pipeline_id="default",
    label="Sales Pipeline",
    open_stages=(
        ("appointmentscheduled", "Appointment Scheduled", 0.2),
        ("qualifiedtobuy", "Qualified To Buy", 0.4),
        ("presentationscheduled", "Presentation Scheduled", 0.6),
        ("decisionmakerboughtin", "Decision Maker Bought-In", 0.8),
        ("contractsent", "Contract Sent", 0.9),
    ),
    won_stage=("closedwon", "Closed Won"),
    lost_stage=("closedlost", "Closed Lost"),
)
RENEWALS: Final = DealPipeline(
    pipeline_id="90412267",
    label="Fornyelser",
    open_stages=(
        ("163920481", "Varslet", 0.5),
        ("163920482", "Tilbud sendt", 0.7),
        ("163920483", "Muntlig ja", 1.0),
    ),
    won_stage=("163920484", "Fornyet"),
    lost_stage=("163920485", "Sagt opp"),
    undecided_stage=("163920486", "Avsluttet uten utfall", 0.5),
)
PARTNERS: Final = DealPipeline(
    pipeline_id="2f7a1c58-6a1d-4c0e-9a55-0d9be3b4e7c1",
    label="Partnere",
    open_stages=(
        ("8d0b6f9e-1f0c-4e55-b7d4-3a0a1f6f2b11", "Dialog", 0.3),
        ("c4b0b1d2-77aa-4a51-8f4e-95f6f0f2d0a7", "Avtaleutkast", 0.8),
    ),
    won_stage=("e2a9d7f4-0c3b-4b0a-8f39-6d1b7b0c5e92", "Signert"),
    lost_stage=("5b1f3c77-92ce-4f43-a0c8-1f7a9f0d6c3e", "Ikke aktuelt"),
)
RECRUITING: Final = DealPipeline(
    pipeline_id="118230954",
    label="Bewerbungen",
    open_stages=(
        ("201774410", "Bewerbung eingegangen", 0.1),
        ("201774411", "Vorstellungsgespräch", 0.4),
    ),
    won_stage=("201774412", "Eingestellt"),
    lost_stage=("201774413", "Abgesagt"),
)
ENGLISH_RECRUITING: Final = DealPipeline(
    pipeline_id="118230955",
    label="Recruiting",
    open_stages=(("201774420", "Application received", 0.1), ("201774421", "Interview", 0.4)),
    won_stage=("201774422", "Hired"),
    lost_stage=("201774423", "Rejected"),
)
PIPELINES: Final = (SALES, RENEWALS, PARTNERS, RECRUITING)


def set_up_portal(portal: Portal) -> tuple[str, ...]:
    """Give the portal its stages, pipelines, own properties and owners; return the owners."""
    portal.set_stages(STAGES)
    for pipeline in PIPELINES[1:]:
        portal.add_pipeline(pipeline.pipeline_id, pipeline.label, pipeline.stages())
    _define_properties(portal)
    return _add_owners(portal)


def set_up_english_portal(portal: Portal) -> tuple[str, ...]:
    """Leave the stages as HubSpot ships them; add a recruiting pipeline, a score and owners."""
    recruiting = ENGLISH_RECRUITING
    portal.add_pipeline(recruiting.pipeline_id, recruiting.label, recruiting.stages())
    _define_properties(portal)
    return _add_owners(portal)


def _add_owners(portal: Portal) -> tuple[str, ...]:
    return tuple(
        portal.add_owner(f"{first}.{last}@{OWN_DOMAIN}".lower().translate(ASCII), first, last)
        for first, last in SELLERS
    )


def _define_properties(portal: Portal) -> None:
    for object_type in ("contacts", "companies"):
        portal.define_property(
            object_type,
            SCORE_PROPERTY,
            label="Fit and engagement score",
            type="number",
            field_type="number",
        )
    portal.define_property(
        "companies", "contract_end", label="Avtalen utløper", type="date", field_type="date"
    )
    portal.define_property(
        "contacts", "kundenr", label="Kundenr. (ERP)", type="string", field_type="text"
    )
