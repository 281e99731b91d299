"""THE HAND-CHECKED TABLE. The records are recorded; these links, moves and stages are ours.

The recordings hold no deal that is linked to anything, and none that is won or lost. So we
linked recorded deals to recorded contacts and companies, moved some of them over time, and
gave some contacts a stage, a lead status or a form conversion. All of that is listed here as
`ours`, and whatever is not listed is as it was recorded.

Each `Fix` was derived by hand from the standard policy, before the connector was asked. A
situation without fixes tells why nothing may be corrected. Records are named by file and
place; `<record>` in a reason or an evidence stands for its name, `.day(…)` for a recorded day.
"""

from __future__ import annotations

from typing import Final

from tests.recorded.ours import (
    Archive,
    Fix,
    Form,
    Link,
    Merge,
    Move,
    Set,
    Situation,
    Spot,
    Step,
    Unlink,
)

STAGE: Final = "lifecyclestage"
STATUS: Final = "hs_lead_status"


def contact(place: int) -> Spot:
    """Return a recorded contact of the list."""
    return Spot("contacts", "nango/list-contacts-0.json", place)


def company(place: int) -> Spot:
    """Return a recorded company of the list."""
    return Spot("companies", "nango/list-companies-0.json", place)


def deal(place: int) -> Spot:
    """Return a recorded deal of the list."""
    return Spot("deals", "nango/list-deals-0.json", place)


# Contacts and deals of other recorded answers
LILY, MARLEY = (
    Spot("contacts", "amp-labs/batch-create-contacts-success.json", place) for place in (0, 1)
)
UPDATED = Spot("contacts", "amp-labs/batch-update-contacts-success.json", 0)
FIRST, SECOND, THIRD = (
    Spot("contacts", "amp-labs/read-objects-api-contacts-response.json", place)
    for place in (0, 1, 2)
)
QUALIFIED = Spot("deals", "nango/update-deal-0.json", 0)
RENEWAL = Spot("deals", "nango/update-deal-clear-fields-0.json", 0)


def stands(record: Spot, stage: str, status: str = "") -> Set:
    """Say in which stage, and for contacts in which lead status, a record stands."""
    return Set(record, {STAGE: stage} | ({STATUS: status} if status else {}))


def move(one: Spot, *stages: tuple[str, str]) -> Move:
    """Say when a deal entered which stage."""
    return Move(one, stages)


def on(one: Spot, *others: Spot) -> tuple[Step, ...]:
    """Link a deal; the first company is its primary one."""
    companies = [other for other in others if other.kind == "companies"]
    return tuple(Link(one, other, primary=companies[:1] == [other]) for other in others)


SITUATIONS: Final = (
    Situation(
        says="An open deal, in the stage in which it was recorded: whoever is on it and has no"
        " stage becomes an opportunity, and the lead status says so.",
        ours=on(deal(0), contact(1), company(1)),
        fixes=(
            Fix(
                contact(1), STAGE, "", "opportunity", "forward", "open-deal",
                f"{deal(0)} is open since {deal(0).day('createdate')}",
                (f"{deal(0)} open since {deal(0).day('createdate')}",),
            ),
            Fix(
                contact(1), STATUS, "", "OPEN_DEAL", "set", "status-open-deal",
                f"{deal(0)} is open since {deal(0).day('createdate')}",
                (f"{deal(0)} open since {deal(0).day('createdate')}",),
            ),
            Fix(
                company(1), STAGE, "", "opportunity", "forward", "open-deal",
                f"{deal(0)} is open since {deal(0).day('createdate')}",
                (f"{deal(0)} open since {deal(0).day('createdate')}",),
            ),
        ),
    ),
    Situation(
        says="A deal whose recording tells when it entered its stage, on a contact recorded as"
        " a lead: the link alone is ours.",
        ours=on(QUALIFIED, MARLEY),
        fixes=(
            Fix(
                MARLEY, STAGE, "lead", "opportunity", "forward", "open-deal",
                f"{QUALIFIED} is open since {QUALIFIED.day('hs_v2_date_entered_current_stage')}",
                (f"{QUALIFIED} open since {QUALIFIED.day('hs_v2_date_entered_current_stage')}",),
            ),
            Fix(
                MARLEY, STATUS, "", "OPEN_DEAL", "set", "status-open-deal",
                f"{QUALIFIED} is open since {QUALIFIED.day('hs_v2_date_entered_current_stage')}",
                (f"{QUALIFIED} open since {QUALIFIED.day('hs_v2_date_entered_current_stage')}",),
            ),
        ),
    ),
    Situation(
        says="A deal recorded without any stage proves nothing: no pipeline lists its stage,"
        " and it does not call itself open or closed. Contact and company, recorded as leads, stay.",
        ours=on(deal(18), contact(24), company(55)),
    ),
    Situation(
        says="The deal is won: opportunity becomes customer, and a customer is no longer a lead.",
        ours=(
            stands(contact(2), "opportunity", "OPEN_DEAL"),
            stands(company(2), "opportunity"),
            move(deal(1), ("2026-05-11", "closedwon")),
            *on(deal(1), contact(2), company(2)),
        ),
        fixes=(
            Fix(
                contact(2), STAGE, "opportunity", "customer", "forward", "won",
                f"{deal(1)} is won since 2026-05-11", (f"{deal(1)} was won 2026-05-11",),
            ),
            Fix(
                contact(2), STATUS, "OPEN_DEAL", "", "clear", "status-after-won",
                "a customer is no longer a lead",
            ),
            Fix(
                company(2), STAGE, "opportunity", "customer", "forward", "won",
                f"{deal(1)} is won since 2026-05-11", (f"{deal(1)} was won 2026-05-11",),
            ),
        ),
    ),
    Situation(
        says="The won deal was reopened: customers go back to opportunity, which HubSpot allows"
        " only after a clear.",
        ours=(
            stands(contact(3), "customer"),
            stands(company(3), "customer"),
            move(deal(2), ("2026-04-14", "closedwon"), ("2026-06-02", "contractsent")),
            *on(deal(2), contact(3), company(3)),
        ),
        fixes=(
            Fix(
                contact(3), STAGE, "customer", "opportunity", "backward", "reopened",
                f"no deal is won any more, and {deal(2)} is open since 2026-06-02",
                (f"{deal(2)} was won 2026-04-14, open since 2026-06-02",),
            ),
            Fix(
                contact(3), STATUS, "", "OPEN_DEAL", "set", "status-open-deal",
                f"{deal(2)} is open since 2026-06-02",
                (f"{deal(2)} was won 2026-04-14, open since 2026-06-02",),
            ),
            Fix(
                company(3), STAGE, "customer", "opportunity", "backward", "reopened",
                f"no deal is won any more, and {deal(2)} is open since 2026-06-02",
                (f"{deal(2)} was won 2026-04-14, open since 2026-06-02",),
            ),
        ),
    ),
    Situation(
        says="The won deal was lost afterwards: a customer whose deal was won once goes back to"
        " SQL, and the time is bad.",
        ours=(
            stands(contact(4), "customer"),
            stands(company(5), "customer"),
            move(deal(3), ("2026-04-20", "closedwon"), ("2026-06-09", "closedlost")),
            *on(deal(3), contact(4), company(5)),
        ),
        fixes=(
            Fix(
                contact(4), STAGE, "customer", "salesqualifiedlead", "backward", "lost",
                f"{deal(3)} was lost on 2026-06-09, and no deal is open or won",
                (f"{deal(3)} was won 2026-04-20, was lost 2026-06-09",),
            ),
            Fix(
                contact(4), STATUS, "", "BAD_TIMING", "set", "status-after-loss",
                f"{deal(3)} was lost on 2026-06-09, and no form was filled in since",
                (f"{deal(3)} was won 2026-04-20, was lost 2026-06-09",),
            ),
            Fix(
                company(5), STAGE, "customer", "salesqualifiedlead", "backward", "lost",
                f"{deal(3)} was lost on 2026-06-09, and no deal is open or won",
                (f"{deal(3)} was won 2026-04-20, was lost 2026-06-09",),
            ),
        ),
    ),
    Situation(
        says="The deal was lost: opportunity goes back to SQL, and Open deal becomes Bad timing.",
        ours=(
            stands(contact(5), "opportunity", "OPEN_DEAL"),
            move(deal(6), ("2026-06-01", "closedlost")),
            *on(deal(6), contact(5)),
        ),
        fixes=(
            Fix(
                contact(5), STAGE, "opportunity", "salesqualifiedlead", "backward", "lost",
                f"{deal(6)} was lost on 2026-06-01, and no deal is open or won",
                (f"{deal(6)} was lost 2026-06-01",),
            ),
            Fix(
                contact(5), STATUS, "OPEN_DEAL", "BAD_TIMING", "set", "status-after-loss",
                f"{deal(6)} was lost on 2026-06-01, and no form was filled in since",
                (f"{deal(6)} was lost 2026-06-01",),
            ),
        ),
    ),
    Situation(
        says="Lost 42 days ago, and the demo form came before: the quiet time keeps a lead.",
        ours=(
            stands(contact(6), "lead"),
            Form(contact(6), "Book a demo", "2026-05-20"),
            move(deal(13), ("2026-06-03", "closedlost")),
            *on(deal(13), contact(6)),
        ),
    ),
    Situation(
        says="The same loss keeps nobody without a stage: quiet is for records that have one.",
        ours=on(deal(13), contact(7)),
        fixes=(
            Fix(contact(7), STAGE, "", "lead", "forward", "blank", "the record had no stage"),
        ),
    ),
    Situation(
        says="Lost in March, and a demo form since: ready for sales again, and nobody has"
        " taken the contact up.",
        ours=(
            stands(contact(8), "lead"),
            Form(contact(8), "Book a demo", "2026-05-05"),
            move(deal(14), ("2026-03-20", "closedlost")),
            *on(deal(14), contact(8)),
        ),
        fixes=(
            Fix(
                contact(8), STAGE, "lead", "salesqualifiedlead", "forward", "handover",
                "ready for sales: the latest form is Book a demo, the score is blank",
                ("form 'Book a demo' on 2026-05-05",),
            ),
            Fix(
                contact(8), STATUS, "", "NEW", "set", "status-new",
                "nobody has taken up this contact yet",
            ),
        ),
    ),
    Situation(
        says="Lost in March, after the demo form: that form never counts again, and the quiet"
        " time is over, so the lead just stays.",
        ours=(
            stands(contact(9), "lead"),
            Form(contact(9), "Book a demo", "2026-03-10"),
            move(deal(4), ("2026-03-18", "closedlost")),
            *on(deal(4), contact(9)),
        ),
    ),
    Situation(
        says="A customer by import, no deal ever won, gets an upsell deal: the stage stays for"
        " contact and company, but a customer has no lead status.",
        ours=(
            stands(contact(10), "customer", "CONNECTED"),
            stands(company(6), "customer"),
            move(deal(15), ("2026-05-12", "appointmentscheduled")),
            *on(deal(15), contact(10), company(6)),
        ),
        fixes=(
            Fix(
                contact(10), STATUS, "CONNECTED", "", "clear", "status-after-won",
                "a customer is no longer a lead",
            ),
        ),
    ),
    Situation(
        says="A customer by import whose only deal was lost and never won stays a customer.",
        ours=(
            stands(UPDATED, "customer", "NEW"),
            move(RENEWAL, ("2026-06-11", "closedlost")),
            *on(RENEWAL, UPDATED),
        ),
        fixes=(
            Fix(
                UPDATED, STATUS, "NEW", "", "clear", "status-after-won",
                "a customer is no longer a lead",
            ),
        ),
    ),
    Situation(
        says="An open deal leads out of the parking place; by the portal's order that is a"
        " backward move.",
        ours=(
            stands(contact(11), "other"),
            move(deal(16), ("2026-05-13", "qualifiedtobuy")),
            *on(deal(16), contact(11)),
        ),
        fixes=(
            Fix(
                contact(11), STAGE, "other", "opportunity", "backward", "open-deal",
                f"{deal(16)} is open since 2026-05-13", (f"{deal(16)} open since 2026-05-13",),
            ),
            Fix(
                contact(11), STATUS, "", "OPEN_DEAL", "set", "status-open-deal",
                f"{deal(16)} is open since 2026-05-13", (f"{deal(16)} open since 2026-05-13",),
            ),
        ),
    ),
    Situation(
        says="An evangelist stays one when a deal is won, and carries no lead status.",
        ours=(
            stands(contact(12), "evangelist", "NEW"),
            move(deal(17), ("2026-05-14", "closedwon")),
            *on(deal(17), contact(12)),
        ),
        fixes=(
            Fix(
                contact(12), STATUS, "NEW", "", "clear", "status-clear",
                "contacts in this stage carry no lead status",
            ),
        ),
    ),
    Situation(
        says="A partner on somebody else's won deal does not become a customer; the primary"
        " company does. Both companies were recorded as leads.",
        ours=(
            move(deal(5), ("2026-05-15", "closedwon")),
            *on(deal(5), contact(14), company(7), company(56)),
        ),
        fixes=(
            Fix(
                contact(14), STAGE, "", "customer", "forward", "won",
                f"{deal(5)} is won since 2026-05-15", (f"{deal(5)} was won 2026-05-15",),
            ),
            Fix(
                company(7), STAGE, "lead", "customer", "forward", "won",
                f"{deal(5)} is won since 2026-05-15", (f"{deal(5)} was won 2026-05-15",),
            ),
        ),
    ),
    Situation(
        says="A won deal without a primary company counts for each of its companies.",
        ours=(
            move(deal(7), ("2026-05-18", "closedwon")),
            Link(deal(7), company(9)),
            Link(deal(7), company(10)),
        ),
        fixes=tuple(
            Fix(
                company(place), STAGE, "", "customer", "forward", "won",
                f"{deal(7)} is won since 2026-05-18", (f"{deal(7)} was won 2026-05-18",),
            )
            for place in (9, 10)
        ),
    ),
    Situation(
        says="An archived deal does not count, though it was won.",
        ours=(
            stands(contact(15), "lead"),
            move(deal(8), ("2026-05-19", "closedwon")),
            *on(deal(8), contact(15)),
            Archive(deal(8)),
        ),
    ),
    Situation(
        says="A won deal that is no longer linked: a record without any deal never moves back.",
        ours=(
            stands(contact(25), "customer"),
            move(deal(11), ("2026-05-22", "closedwon")),
            *on(deal(11), contact(25)),
            Unlink(deal(11), contact(25)),
        ),
    ),
    Situation(
        says="One deal open and one lost: an opportunity with Open deal is right as it is.",
        ours=(
            stands(contact(22), "opportunity", "OPEN_DEAL"),
            move(deal(9), ("2026-05-21", "presentationscheduled")),
            move(deal(10), ("2026-06-10", "closedlost")),
            *on(deal(9), contact(22)),
            *on(deal(10), contact(22)),
        ),
    ),
    Situation(
        says="The same open deal has a second contact, SQL and Connected: opportunity with"
        " Open deal, for the deal takes over from the seller's word.",
        ours=(
            stands(contact(23), "salesqualifiedlead", "CONNECTED"),
            *on(deal(9), contact(23)),
        ),
        fixes=(
            Fix(
                contact(23), STAGE, "salesqualifiedlead", "opportunity", "forward", "open-deal",
                f"{deal(9)} is open since 2026-05-21", (f"{deal(9)} open since 2026-05-21",),
            ),
            Fix(
                contact(23), STATUS, "CONNECTED", "OPEN_DEAL", "set", "status-open-deal",
                f"{deal(9)} is open since 2026-05-21", (f"{deal(9)} open since 2026-05-21",),
            ),
        ),
    ),
    Situation(
        says="One deal was reopened and another is won: still won, so a recorded lead becomes"
        " a customer.",
        ours=(
            move(deal(12), ("2026-04-15", "closedwon"), ("2026-06-04", "contractsent")),
            move(deal(19), ("2026-05-25", "closedwon")),
            *on(deal(12), LILY),
            *on(deal(19), LILY),
        ),
        fixes=(
            Fix(
                LILY, STAGE, "lead", "customer", "forward", "won",
                f"{deal(19)} is won since 2026-05-25", (f"{deal(19)} was won 2026-05-25",),
            ),
        ),
    ),
    Situation(
        says="The won deal was linked to a contact that was merged into another: the one that"
        " is left becomes the customer.",
        ours=(*on(deal(1), THIRD), Merge(SECOND, THIRD)),
        fixes=(
            Fix(
                SECOND, STAGE, "", "customer", "forward", "won",
                f"{deal(1)} is won since 2026-05-11", (f"{deal(1)} was won 2026-05-11",),
            ),
        ),
    ),
    Situation(
        says="A subscriber took an e-book: a lead, without lead status.",
        ours=(
            stands(contact(16), "subscriber"),
            Form(contact(16), "E-book on onboarding", "2026-05-20"),
        ),
        fixes=(
            Fix(
                contact(16), STAGE, "subscriber", "lead", "forward", "converted",
                "forms filled in: 1; the score is blank",
                ("form 'E-book on onboarding' on 2026-05-20",),
            ),
        ),
    ),
    Situation(
        says="Ready for sales and nobody has taken the contact up: New.",
        ours=(stands(contact(17), "salesqualifiedlead"),),
        fixes=(
            Fix(
                contact(17), STATUS, "", "NEW", "set", "status-new",
                "nobody has taken up this contact yet",
            ),
        ),
    ),
    Situation(
        says="The seller's own word on an SQL stays.",
        ours=(stands(contact(18), "salesqualifiedlead", "CONNECTED"),),
    ),
    Situation(
        says="Lead status is for SQL alone: In progress on an MQL is cleared.",
        ours=(stands(contact(19), "marketingqualifiedlead", "IN_PROGRESS"),),
        fixes=(
            Fix(
                contact(19), STATUS, "IN_PROGRESS", "", "clear", "status-clear",
                "contacts in this stage carry no lead status",
            ),
        ),
    ),
    Situation(
        says="But a seller's verdict on an MQL stays.",
        ours=(stands(contact(20), "marketingqualifiedlead", "BAD_TIMING"),),
    ),
    Situation(
        says="An opportunity without any deal stays one, but there is no open deal.",
        ours=(stands(contact(21), "opportunity", "OPEN_DEAL"),),
        fixes=(
            Fix(
                contact(21), STATUS, "OPEN_DEAL", "", "clear", "status-stale-deal",
                "no deal is open",
            ),
        ),
    ),
)
