"""List what is not sure about writing: stages, clears, batches, and the dates that follow."""

from __future__ import annotations

from typing import Final

from connector.operations.trial.assumption import Assumption, Reaction

_NOT_COMPARED: Final = "Nothing rests on it: a write counts when it was read back."
_READ_AGAIN: Final = "The record is read again at the next poll, and nothing else follows."
_IGNORED_CHANGE: Final = "Nothing rests on it: histories say when a value was set."

WRITE_ASSUMPTIONS: Final = (
    Assumption(
        name="backward-write",
        fact="What HubSpot does with a stage that lies before the present one, without a clear.",
        matters="A backward correction that changes nothing would be called applied.",
        tried="A contact is set to an earlier stage, and read back.",
        switch="backward_write",
        reactions=(
            Reaction(seen="ignored", product="The stage is cleared first.", switch_value="ignored"),
            Reaction(seen="refused", product="The stage is cleared first.", switch_value="error"),
            Reaction(
                seen="written",
                product="The stage is cleared all the same: one request more than needed.",
                switch_value="allowed",
            ),
        ),
    ),
    Assumption(
        name="backward-refusal",
        fact="Whether a backward stage that is refused takes its batch with it.",
        matters="One record would hold up ninety-nine others.",
        tried="An earlier stage is sent in one batch with a good record.",
        switch="backward_error_scope",
        reactions=(
            Reaction(
                seen="the whole batch",
                product="The batch is halved until the record stands alone.",
                switch_value="batch",
            ),
            Reaction(
                seen="the record alone",
                product="The record is refused, the others are verified.",
                switch_value="record",
            ),
            Reaction(seen="nothing is refused", product="Nothing has to be done."),
        ),
    ),
    Assumption(
        name="ignored-echo",
        fact="Which stage the answer to an ignored write shows.",
        matters="An answer that shows the asked stage looks like success.",
        tried="The answer to the ignored write is looked at.",
        switch="backward_echo",
        reactions=(
            Reaction(seen="the old stage", product=_NOT_COMPARED, switch_value="old"),
            Reaction(seen="the asked stage", product=_NOT_COMPARED, switch_value="asked"),
            Reaction(seen="no stage", product=_NOT_COMPARED),
        ),
    ),
    Assumption(
        name="ignored-warning",
        fact="Whether the answer to an ignored write holds `warnings`.",
        matters="It would tell an ignored write without a reading.",
        tried="The answer to the ignored write is looked at.",
        switch="backward_warning",
        reactions=(
            Reaction(seen="no", product=_NOT_COMPARED, switch_value=False),
            Reaction(seen="yes", product=_NOT_COMPARED, switch_value=True),
        ),
    ),
    Assumption(
        name="ignored-modified",
        fact="Whether an ignored write moves the modification date.",
        matters="The poller would see its own echo.",
        tried="The modification date is read before and after the ignored write.",
        switch="ignored_write_bumps_modified",
        reactions=(
            Reaction(seen="no", product=_READ_AGAIN, switch_value=False),
            Reaction(seen="yes", product=_READ_AGAIN, switch_value=True),
        ),
    ),
    Assumption(
        name="identical-modified",
        fact="Whether a write of the value that is there moves the modification date.",
        matters="The poller would see its own echo.",
        tried="A value is written twice, and the modification dates are compared.",
        switch="identical_write_bumps_modified",
        reactions=(
            Reaction(seen="no", product=_READ_AGAIN, switch_value=False),
            Reaction(seen="yes", product=_READ_AGAIN, switch_value=True),
        ),
    ),
    Assumption(
        name="clear-refused",
        fact="Whether a stage may be cleared with an empty text.",
        matters="Without a clear there is no way back.",
        tried="A contact's stage is cleared, and read back.",
        switch="clear_refused",
        reactions=(
            Reaction(seen="cleared", product="Backward corrections are sent.", switch_value=False),
            Reaction(
                seen="refused",
                product="Backward corrections end as refused, and the stage stays. Take"
                " the requirement off the property: Settings > Properties > Lifecycle stage.",
                switch_value=True,
                suffers=True,
            ),
        ),
    ),
    Assumption(
        name="clear-refused-2026-09",
        fact="Whether the API family 2026-09 refuses a clear that the portal's rules forbid.",
        matters="Without a clear there is no way back.",
        untried="It is the same observation as `clear-refused`, in the family of the settings.",
        switch="write_validation_2026_09",
        reactions=(
            Reaction(seen="cleared", product="Backward corrections are sent.", switch_value=False),
            Reaction(
                seen="refused",
                product="Backward corrections end as refused, and the stage stays.",
                switch_value=True,
                suffers=True,
            ),
        ),
    ),
    Assumption(
        name="clear-then-set",
        fact="Whether a stage may be set directly after it was cleared.",
        matters="A record would stay without a stage.",
        tried="A contact is cleared and set to an earlier stage without a wait, and read back.",
        switch="clear_delay_seconds",
        reactions=(
            Reaction(seen="directly", product="Clear and set follow each other.", switch_value=0.0),
            Reaction(
                seen="after a moment",
                product="The set is sent again after the first read-back.",
                switch_value=1.0,
            ),
        ),
    ),
    Assumption(
        name="gap-filled",
        fact="Whether an automation of the portal fills the moment between clear and set.",
        matters="A stage that another program sets there makes our set a backward one.",
        tried="A contact is cleared, and read again.",
        switch="automation_in_gap",
        otherwise="The move ends as reverted, with the other writer's name, and is quarantined"
        " after two tries.",
        reactions=(Reaction(seen="no", product="Nothing has to be done.", switch_value=None),),
    ),
    Assumption(
        name="null-clears",
        fact="Whether null clears a property, as the empty text does.",
        matters="A null that is ignored would leave an old value.",
        tried="A job title is written as null, and read back.",
        switch="null_clears",
        reactions=(
            Reaction(seen="yes", product="Null is never sent.", switch_value=True),
            Reaction(seen="no", product="Null is never sent.", switch_value=False),
        ),
    ),
    Assumption(
        name="batch-order",
        fact="In which order a batch update answers its records.",
        matters="A result could be taken for that of another record.",
        tried="Three contacts are written in one batch.",
        switch="batch_order",
        otherwise="Results are found by their ids.",
        reactions=(
            Reaction(
                seen="as asked", product="Results are found by their ids.", switch_value="asked"
            ),
            Reaction(
                seen="reversed", product="Results are found by their ids.", switch_value="reversed"
            ),
        ),
    ),
    Assumption(
        name="duplicate-ids",
        fact="What a batch update does with an id that it names twice.",
        matters="Clear and set in one request would save one.",
        tried="A contact is named twice in one batch: cleared, and set.",
        reactions=(
            Reaction(seen="the batch is refused", product="No id is ever sent twice in a batch."),
        ),
        otherwise="No id is ever sent twice in a batch.",
    ),
    Assumption(
        name="invalid-option",
        fact="What a batch update does with a value that is no option.",
        matters="One record would hold up ninety-nine others.",
        tried="A stage that does not exist is sent in one batch with a good record.",
        reactions=(
            Reaction(
                seen="the whole batch",
                product="The batch is halved until the record stands alone.",
            ),
            Reaction(
                seen="the record alone", product="The record is refused, the others are verified."
            ),
        ),
    ),
    Assumption(
        name="unknown-property",
        fact="What a batch update does with a property that does not exist.",
        matters="A property that an administrator deletes would stop every write.",
        tried="A property that does not exist is sent in one batch with a good record.",
        reactions=(
            Reaction(
                seen="the whole batch",
                product="The batch is halved until the record stands alone.",
            ),
            Reaction(
                seen="the record alone", product="The record is refused, the others are verified."
            ),
        ),
    ),
    Assumption(
        name="close-date",
        fact="Whether leaving `customer` clears the contact's close date.",
        matters="A date that stays is no proof of a customer.",
        tried="A customer is cleared and set to an earlier stage.",
        switch="backward_clears_closedate",
        reactions=(
            Reaction(seen="no", product=_IGNORED_CHANGE, switch_value=False),
            Reaction(seen="yes", product=_IGNORED_CHANGE, switch_value=True),
        ),
    ),
    Assumption(
        name="api-source",
        fact="Which source HubSpot names for our own writes.",
        matters="Our own value must not look like a person's edit.",
        tried="The history of a value that was just written is read.",
        switch="api_source",
        otherwise="Our writes are known by value and time, from the audit.",
        reactions=(
            Reaction(
                seen="INTEGRATION",
                product="Our writes are known by the app's id.",
                switch_value="INTEGRATION",
            ),
            Reaction(
                seen="API", product="Our writes are known by the app's id.", switch_value="API"
            ),
        ),
    ),
    Assumption(
        name="stage-on-create",
        fact="Which stage a contact gets that is created without one.",
        matters="It is another writer of the field.",
        tried="A contact is created without a stage.",
        otherwise="Rules go on from that stage; `check` says whether the policy agrees.",
        reactions=(
            Reaction(
                seen="none", product="The rule `blank` waits for `blank_minutes`, then fills it."
            ),
        ),
    ),
)
