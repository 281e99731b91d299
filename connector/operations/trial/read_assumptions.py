"""List what is not sure about reading: answers, histories, searches, lists and limits."""

from __future__ import annotations

from typing import Final

from connector.operations.trial.assumption import Assumption, Reaction

_BY_TIME: Final = "Versions are sorted by their time."
_NOT_SENT: Final = "Searches stay within five groups, six filters each and eighteen in all."
_SECOND_READING: Final = "Every window of time is read a second time, an hour later."

READ_ASSUMPTIONS: Final = (
    Assumption(
        name="read-lag",
        fact="Whether a read directly after a write may still show the old value.",
        matters="A write that took effect would be called ignored.",
        tried="A value is written and read at once, then again.",
        switch="read_lag",
        reactions=(
            Reaction(seen="no", product="The first read-back decides.", switch_value=0),
            Reaction(
                seen="yes",
                product="A write is read back after 2 s and again after 30 s.",
                switch_value=1,
            ),
        ),
    ),
    Assumption(
        name="blank-value",
        fact="How an answer shows a property without a value.",
        matters="A property that was not asked for must not be taken for a blank one.",
        tried="A property without a value is read.",
        switch="blank_in_answers",
        reactions=(
            Reaction(
                seen="null", product="Null, absent and empty are all blank.", switch_value="null"
            ),
            Reaction(
                seen="absent",
                product="Null, absent and empty are all blank.",
                switch_value="absent",
            ),
            Reaction(seen="empty", product="Null, absent and empty are all blank."),
        ),
    ),
    Assumption(
        name="missing-ids",
        fact="Whether a batch read names the records that it does not find.",
        matters="A record that is left out must not be taken for an unchanged one.",
        tried="A batch with an archived contact is read.",
        switch="batch_read_missing",
        reactions=(
            Reaction(
                seen="named", product="Asked and answered ids are compared.", switch_value=207
            ),
            Reaction(
                seen="left out", product="Asked and answered ids are compared.", switch_value=200
            ),
        ),
    ),
    Assumption(
        name="history-batch",
        fact="How many records a batch read takes with histories.",
        matters="A batch that is too large is refused.",
        tried="51 records are read with a history.",
        switch="batch_history_max",
        reactions=(
            Reaction(seen="50", product="Fifty are asked for at once.", switch_value=50),
            Reaction(seen="more than 50", product="Fifty are asked for at once.", switch_value=100),
        ),
    ),
    Assumption(
        name="history-length",
        fact="How many versions of a property HubSpot gives.",
        matters="The win of a deal may be older than what is given.",
        tried="A job title is written 22 times, and its history is read.",
        switch="history_versions_max",
        otherwise="What is older is taken from the dates of the stage, or from the ledger.",
        reactions=(
            Reaction(seen="all 22", product="Histories are taken as they are.", switch_value=None),
            Reaction(
                seen="at most 20",
                product="What is older is taken from the dates of the stage, or from the ledger.",
                switch_value=20,
            ),
        ),
    ),
    Assumption(
        name="history-order",
        fact="In which order a history comes.",
        matters="The present value's author is that of the newest version.",
        tried="The history of a job title that was written 22 times is read.",
        switch="history_order",
        otherwise=_BY_TIME,
        reactions=(
            Reaction(seen="newest first", product=_BY_TIME, switch_value="newest_first"),
            Reaction(seen="oldest first", product=_BY_TIME, switch_value="oldest_first"),
        ),
    ),
    Assumption(
        name="options-order",
        fact="Whether the stages come in the order in which HubSpot displays them.",
        matters="The order of the stages decides what is forward.",
        tried="The definition of the stage is read.",
        switch="options_order",
        reactions=(
            Reaction(
                seen="displayed",
                product="Stages are sorted by `displayOrder`.",
                switch_value="displayed",
            ),
            Reaction(
                seen="shuffled",
                product="Stages are sorted by `displayOrder`.",
                switch_value="shuffled",
            ),
        ),
    ),
    Assumption(
        name="contact-pipeline",
        fact="Whether the stages may be read as a pipeline of contacts.",
        matters="It is documented nowhere.",
        tried="The pipelines of contacts are asked for.",
        switch="pipelines_for_contacts",
        reactions=(
            Reaction(
                seen="answered",
                product="It is never asked for by other commands.",
                switch_value=200,
            ),
            Reaction(
                seen="refused", product="It is never asked for by other commands.", switch_value=400
            ),
        ),
    ),
    Assumption(
        name="legacy-dates",
        fact="Whether the portal has the older dates `hs_lifecyclestage_…_date`.",
        matters="A property that does not exist must not be asked for.",
        tried="The property definitions are read.",
        switch="legacy_stage_dates",
        reactions=(
            Reaction(seen="yes", product="A plan says that they change.", switch_value=True),
            Reaction(seen="no", product="They are not asked for.", switch_value=False),
        ),
    ),
    Assumption(
        name="search-lag",
        fact="How late a search shows a new record.",
        matters="A change that is shown late would be missed.",
        tried="A new contact is searched until it is shown, for a minute at most.",
        switch="search_lag_seconds",
        reactions=(
            Reaction(seen="at once", product=_SECOND_READING, switch_value=0.0),
            Reaction(seen="later", product=_SECOND_READING, switch_value=6.0),
            Reaction(seen="not within a minute", product=_SECOND_READING),
        ),
    ),
    Assumption(
        name="search-order",
        fact="Whether the rows of a search come in the order that was asked for.",
        matters="A checkpoint that follows the last row would skip others.",
        tried="Eight contacts are searched, sorted by their ids.",
        switch="rows_out_of_order",
        reactions=(
            Reaction(seen="in order", product="Rows are sorted again.", switch_value=False),
            Reaction(seen="out of order", product="Rows are sorted again.", switch_value=True),
        ),
    ),
    Assumption(
        name="search-window",
        fact="Whether a search for a window of time shows rows outside of it.",
        matters="A row from outside would move the checkpoint.",
        tried="A window that leaves out one changed contact is searched.",
        switch="rows_outside_window",
        reactions=(
            Reaction(seen="no", product="Rows outside are dropped.", switch_value=False),
            Reaction(seen="yes", product="Rows outside are dropped.", switch_value=True),
        ),
    ),
    Assumption(
        name="search-pages",
        fact="Whether a page of a search may lack rows that belong on it.",
        matters="A page that is not full must not be taken for the last one.",
        tried="Eight contacts are searched in pages of four.",
        switch="search_pages",
        reactions=(
            Reaction(
                seen="full",
                product="The end is where no further page is named.",
                switch_value="full",
            ),
            Reaction(
                seen="the last row is missing",
                product="The end is where no further page is named.",
                switch_value="short",
            ),
            Reaction(
                seen="a row in the middle is missing",
                product="Rows are counted against `total`, and the window is read again.",
                switch_value="hole",
            ),
            Reaction(
                seen="empty",
                product="Rows are counted against `total`, and the window is read again.",
                switch_value="empty",
            ),
        ),
    ),
    Assumption(
        name="search-filters",
        fact="Whether a filter group takes more than six filters.",
        matters="A search with too many filters is refused.",
        tried="A search with seven filters in one group is sent.",
        switch="search_filter_limits",
        reactions=(
            Reaction(seen="six at most", product=_NOT_SENT, switch_value=(5, 6, 18)),
            Reaction(seen="more than six", product=_NOT_SENT, switch_value=(5, 10, 25)),
        ),
    ),
    Assumption(
        name="search-headers",
        fact="Whether the answers of searches name the day's limit.",
        matters="The requests left would be counted wrongly.",
        tried="The headers of a search are looked at.",
        switch="search_daily_headers",
        reactions=(
            Reaction(seen="yes", product="The headers are used where they are.", switch_value=True),
            Reaction(seen="no", product="The count of other answers goes on.", switch_value=False),
        ),
    ),
    Assumption(
        name="rate-headers",
        fact="Whether answers name the limit of ten seconds.",
        matters="The pace follows it.",
        tried="The headers of a read are looked at.",
        reactions=(
            Reaction(seen="yes", product="The pace is 95% of the limit that is named."),
            Reaction(seen="no", product="The pace is that of the smallest known limit."),
        ),
    ),
    Assumption(
        name="search-rate",
        fact="Whether five searches a second are for the account or for the token.",
        matters="Other apps of the portal search too.",
        untried="It needs two tokens, and would take the limit from the portal's other apps.",
        switch="search_rate_scope",
        reactions=(
            Reaction(
                seen="account", product="Four searches a second are sent.", switch_value="account"
            ),
            Reaction(
                seen="token", product="Four searches a second are sent.", switch_value="token"
            ),
        ),
    ),
    Assumption(
        name="retry-after",
        fact="Whether a refusal for the rate (429) says how long to wait.",
        matters="A wait that is too short is refused again.",
        untried="It would use up the limit that the portal's other apps share.",
        switch="retry_after_on_429",
        reactions=(
            Reaction(
                seen="no", product="The wait is that of the limit's name.", switch_value=False
            ),
            Reaction(seen="yes", product="The longer of both waits is kept.", switch_value=True),
        ),
    ),
    Assumption(
        name="usage",
        fact="Whether HubSpot tells this token how many of the day's requests are used.",
        matters="`check` says what is left.",
        tried="The usage of private apps is asked for.",
        switch="usage_known",
        reactions=(
            Reaction(
                seen="yes", product="Headers are used, and this is not needed.", switch_value=True
            ),
            Reaction(seen="no", product="Headers are used.", switch_value=False),
        ),
    ),
    Assumption(
        name="list-cursor",
        fact="What `after` of a list means.",
        matters="A portal is listed in several id ranges at once.",
        tried="Two pages of one contact each are listed.",
        switch="list_after",
        reactions=(
            Reaction(
                seen="the next id", product="Id ranges are listed at once.", switch_value="next"
            ),
            Reaction(
                seen="the last id", product="Id ranges are listed at once.", switch_value="last"
            ),
            Reaction(
                seen="a cursor", product="The portal is listed in one range.", switch_value="opaque"
            ),
        ),
    ),
    Assumption(
        name="equal-times",
        fact="Whether records of one batch have the same creation time.",
        matters="Thousands of equal times do not fit into one search.",
        tried="The creation times of a batch are compared.",
        reactions=(
            Reaction(seen="yes", product="Equal times are read in the order of ids."),
            Reaction(seen="no", product="Equal times are read in the order of ids."),
        ),
    ),
    Assumption(
        name="webhook-clear",
        fact="What an event of a cleared property holds.",
        matters="A value must not be read out of an event.",
        untried="It needs an address that HubSpot can reach.",
        switch="webhook_clear",
        reactions=(
            Reaction(seen="blank", product="No value of an event is used.", switch_value=""),
            Reaction(seen="null", product="No value of an event is used.", switch_value="null"),
            Reaction(seen="absent", product="No value of an event is used.", switch_value="absent"),
        ),
    ),
)
