"""List the words that pages show of values: of columns, outcomes, verbs, directions and the like.

The catalogues of the languages have them beside the messages of the templates; a word that is not
listed is shown as it is.
"""

from __future__ import annotations

from typing import Final

REPORT_NAMES: Final = ("Funnel", "Velocity", "Hygiene", "Overlooked", "Writers", "Customers")
REPORT_TITLES: Final = (
    "Customers by last won deal",
    "Records in each stage",
    "Records that entered a stage, by month",
    "Of the records that first entered a stage in a month, how many moved on",
    "Contradictions between stage, lead status and deals",
    "Contacts by stage, lead status and deals",
    "What keeps corrections back",
    "Overlooked contacts",
    "Time in each stage (days)",
    "Time from stage to stage (days)",
    "Who sets lifecycle stage and lead status",
)
COLUMNS: Final = (
    *("record", "company", "stage", "won deals", "last won deal", "last won at", "amount"),
    *("former customer", "records", "share", "ever entered", "next stage", "moved on"),
    *("moved on share", "month", "entered", "kind", "property name", "before", "after"),
    *("examples", "lead status", "deals", "contradictory", "why", "count", "since"),
    *("since known", "owner id", "term days", "quarter days", "median days"),
    *("three quarters days", "group", "stays", "still inside", "start unknown", "not yet"),
    *("who", "source type", "source id", "times", "last at", "set back", "set back by"),
)
VALUES: Final = (
    *("applied", "ignored", "reverted", "stale", "refused", "restored"),
    *("approve", "reject", "hold", "release", "undo", "review only", "follow settings"),
    *("forward", "backward", "set", "clear", "open", "won", "lost", "neither", "failed"),
    *("not reached", "sleeps", "held", "quarantined", "contact", "contacts", "companies"),
    *("domain", "owner", "value", "read", "operate"),
)
SECTIONS: Final = ("Portal", "Stages", "Policy", "Database")
WORDS: Final = frozenset({*REPORT_NAMES, *REPORT_TITLES, *COLUMNS, *VALUES, *SECTIONS})
