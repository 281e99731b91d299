"""List the situations of a real portal's contacts: consistent ones, and those that need correction.

A script is a sequence of moments, split at blanks; what happens in one moment is joined by `+`, and
`@` names the writer. `form:` is a conversion, `stage:` and `status:` are written values
(nothing after the colon clears), `deal:` and `more:` are the states of two different deals.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Final

SQL: Final = "salesqualifiedlead"
MQL: Final = "marketingqualifiedlead"
PILOT: Final = "148203377"
CHURNED: Final = "51439524"

READY: Final = f"form:ebook+stage:lead form:demo+stage:{SQL}+status:NEW"
SELLING: Final = f"{READY} deal:open+stage:opportunity+status:OPEN_DEAL"
SOLD: Final = f"{SELLING} deal:won+stage:customer+status:"
LOST: Final = f"{SELLING} deal:lost+stage:{SQL}+status:BAD_TIMING"


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """What happens at one time: pairs of action and value; `writer` is "" for the usual writer."""

    changes: tuple[tuple[str, str], ...]
    writer: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Situation:
    """A situation of contacts: its weight, and the script that leads to it.

    `days` is the range of days since its last moment; `mail` the owner of its e-mail domain.
    """

    name: str
    share: int
    script: str
    days: tuple[int, int] = (2, 900)
    mail: str = "any"
    score: tuple[int, int] | None = None

    @property
    def has_deal(self) -> bool:
        """Return whether the script names a deal."""
        return "deal:" in self.script


@cache
def parse_script(script: str) -> tuple[Moment, ...]:
    """Parse a script.

    >>> parse_script("stage:lead@IMPORT deal:won+status:")[1].changes
    (('deal', 'won'), ('status', ''))
    """
    return tuple(map(_parse_moment, script.split()))


def _parse_moment(text: str) -> Moment:
    actions, _, writer = text.partition("@")
    pairs = (action.partition(":") for action in actions.split("+"))
    return Moment(changes=tuple((key, value) for key, _, value in pairs), writer=writer)


CONSISTENT: Final = (
    Situation(name="subscriber", share=200, script="stage:subscriber@INTEGRATION"),
    Situation(name="e-book read", share=180, script="form:ebook+stage:lead", score=(5, 29)),
    Situation(
        name="two forms", share=55, script="form:ebook+stage:lead form:webinar", score=(15, 40)
    ),
    Situation(name="typed in", share=90, script="stage:lead@CRM_UI"),
    Situation(
        name="marketing qualified",
        share=70,
        script=f"form:ebook+stage:lead form:webinar+stage:{MQL}",
        score=(30, 79),
    ),
    Situation(name="worked on", share=55, script=f"{READY} status:*", score=(40, 100)),
    Situation(name="handed over", share=18, script=READY, days=(1, 40), score=(40, 100)),
    Situation(name="in a deal", share=32, script=SELLING, days=(1, 200), score=(50, 130)),
    Situation(name="won", share=45, script=SOLD, score=(50, 140)),
    Situation(name="buying again", share=10, script=f"{SOLD} more:open", score=(60, 140)),
    Situation(name="won one, lost one", share=6, script=f"{SOLD} more:open more:lost"),
    Situation(name="lost, long ago", share=16, script=LOST, days=(100, 900)),
    Situation(name="lost, lately", share=8, script=LOST, days=(2, 80)),
    Situation(name="customer by import", share=22, script="stage:customer@IMPORT"),
    Situation(name="upsell to an import", share=8, script="stage:customer@IMPORT deal:open"),
    Situation(name="opportunity by import", share=8, script="stage:opportunity@IMPORT"),
    Situation(name="supplier", share=12, script="stage:other@CRM_UI", mail="supplier"),
    Situation(name="own staff, parked", share=6, script="stage:other@CRM_UI", mail="staff"),
    Situation(name="evangelist", share=6, script=f"{SOLD} stage:evangelist@CRM_UI"),
    Situation(name="pilot", share=6, script=f"{SELLING} stage:{PILOT}@CRM_UI"),
    Situation(name="churned", share=6, script=f"stage:customer@IMPORT stage:{CHURNED}@CRM_UI"),
    Situation(
        name="seller's verdict",
        share=6,
        script=f"form:ebook+stage:lead stage:{MQL} status:UNQUALIFIED@CRM_UI",
    ),
    Situation(
        name="closed without a result",
        share=6,
        script=f"{READY} deal:open+stage:opportunity deal:between+status:",
    ),
)

INCONSISTENT: Final = (
    Situation(name="no stage", share=16, script="stage:@IMPORT"),
    Situation(name="converted, no stage", share=12, script="form:ebook"),
    Situation(name="form, still subscriber", share=26, script="stage:subscriber form:newsletter"),
    Situation(
        name="demo overlooked",
        share=16,
        script="form:ebook+stage:lead form:demo",
        days=(3, 120),
        score=(30, 90),
    ),
    Situation(
        name="sales contacted, still marketing's",
        share=8,
        script=f"form:ebook+stage:lead stage:{MQL} form:contact",
        score=(30, 90),
    ),
    Situation(
        name="ready, no status", share=28, script=f"form:ebook+stage:lead form:demo+stage:{SQL}"
    ),
    Situation(name="lead with a status", share=14, script="form:ebook+stage:lead status:NEW"),
    Situation(
        name="new, though in a deal",
        share=20,
        script=f"{READY} deal:open+stage:opportunity",
        days=(1, 200),
    ),
    Situation(
        name="deal unnoticed", share=18, script="form:ebook+stage:lead deal:open", days=(1, 200)
    ),
    Situation(name="won unnoticed", share=14, script=f"{SELLING} deal:won"),
    Situation(name="won, status left", share=10, script=f"{SELLING} deal:won+stage:customer"),
    Situation(name="won at once", share=5, script=f"form:contact+stage:{SQL} deal:won"),
    Situation(name="reopened", share=14, script=f"{SOLD} deal:open", days=(1, 200)),
    Situation(name="reopened and lost", share=8, script=f"{SOLD} deal:open deal:lost"),
    Situation(name="lost unnoticed", share=20, script=f"{SELLING} deal:lost"),
    Situation(
        name="lost, status left", share=8, script=f"{SELLING} deal:lost+stage:{SQL}", days=(2, 400)
    ),
    Situation(name="came back", share=8, script=f"{LOST} form:demo", days=(1, 60)),
    Situation(name="lost one, one runs", share=6, script=f"{LOST} more:open", days=(1, 100)),
    Situation(name="parked, in a deal", share=6, script="stage:other@CRM_UI deal:open"),
    Situation(name="parked, won", share=5, script="stage:other@CRM_UI deal:open deal:won"),
    Situation(
        name="status of a deal that is not there",
        share=6,
        script=f"form:demo+stage:{SQL}+status:OPEN_DEAL@CRM_UI",
    ),
    Situation(
        name="set back by hand", share=6, script=f"{SOLD} stage:opportunity@CRM_UI", days=(1, 20)
    ),
    Situation(
        name="set back by a workflow",
        share=6,
        script=f"{SOLD} stage:@AUTOMATION_PLATFORM stage:lead@AUTOMATION_PLATFORM",
    ),
    Situation(name="deal moved away", share=6, script=f"{SELLING} deal:moved"),
    Situation(name="hired", share=6, script="stage:lead@INTEGRATION deal:applied deal:hired"),
    Situation(
        name="own staff, scored", share=6, script=f"form:demo+stage:{SQL}+status:NEW", mail="staff"
    ),
)

SITUATIONS: Final = CONSISTENT + INCONSISTENT
