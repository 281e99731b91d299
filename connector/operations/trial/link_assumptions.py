"""List what is not sure about linked records: HubSpot's own automations, archiving, merges."""

from __future__ import annotations

from typing import Final

from connector.operations.trial.assumption import Assumption, Reaction

_RESCAN: Final = "The daily rescan finds what no modification date shows."
_READ_LATER: Final = "The survivor is read and decided again."
_AGREEMENT: Final = "Rules go on from that stage; `check` says whether the policy agrees."

LINK_ASSUMPTIONS: Final = (
    Assumption(
        name="company-sync",
        fact="Whether HubSpot copies a company's stage to its contacts.",
        matters="One correction of a company would move all its contacts.",
        tried="A company with contacts is set to a later stage, and its contacts are read.",
        switch="native_company_sync",
        reactions=(
            Reaction(
                seen="off", product="Companies are corrected by themselves.", switch_value=False
            ),
            Reaction(
                seen="on",
                product="A company with contacts behind it waits for a reviewed plan. Say so with"
                " `company_sync.native: on`.",
                switch_value=True,
            ),
        ),
    ),
    Assumption(
        name="company-sync-scope",
        fact="Which contacts HubSpot's company sync moves.",
        matters="The number of contacts that follow is said before.",
        tried="The company has one contact by a primary link, and one by another link.",
        switch="native_sync_scope",
        reactions=(
            Reaction(
                seen="of the primary company",
                product="Contacts of the primary company are counted.",
                switch_value="primary",
            ),
            Reaction(
                seen="all linked contacts",
                product="More contacts move than are counted: set `company_sync.native: on`, and"
                " review.",
                switch_value="all",
                suffers=True,
            ),
        ),
    ),
    Assumption(
        name="company-sync-source",
        fact="Which source a stage names that HubSpot's company sync set.",
        matters="It must not look like a person's edit.",
        tried="The history of a contact that followed is read.",
        switch="native_sync_source",
        otherwise="An unknown source is a program's, never a person's.",
        reactions=(
            Reaction(
                seen="COMPANIES", product="It is a program's value.", switch_value="COMPANIES"
            ),
            Reaction(
                seen="PIPELINE_SETTINGS",
                product="It is a program's value.",
                switch_value="PIPELINE_SETTINGS",
            ),
        ),
    ),
    Assumption(
        name="deal-created",
        fact="Which stage HubSpot sets when a deal is created.",
        matters="It is another writer of the field.",
        tried="A deal is created and linked to a contact and a company.",
        switch="native_deal_created",
        otherwise=_AGREEMENT,
        reactions=(
            Reaction(seen="none", product="The rule `open-deal` sets it.", switch_value=None),
        ),
    ),
    Assumption(
        name="deal-won",
        fact="Which stage HubSpot sets when a deal is won.",
        matters="It is another writer of the field.",
        tried="The deal is moved to a won stage.",
        switch="native_deal_won",
        otherwise=_AGREEMENT,
        reactions=(Reaction(seen="none", product="The rule `won` sets it.", switch_value=None),),
    ),
    Assumption(
        name="link-modified",
        fact="Whether a new link moves the modification date of what is linked.",
        matters="A change of links alone would be missed until the daily rescan.",
        tried="A lost deal is linked to a contact, and the modification dates are compared.",
        switch="association_bumps_modified",
        reactions=(
            Reaction(seen="yes", product="The poll sees it.", switch_value=True),
            Reaction(seen="no", product=_RESCAN, switch_value=False),
        ),
    ),
    Assumption(
        name="archive-modified",
        fact="Whether archiving a record moves the modification date of what is linked to it.",
        matters="A deal that is deleted would be missed until the daily rescan.",
        tried="A lost deal is archived, and the modification dates are compared.",
        switch="archiving_bumps_linked",
        reactions=(
            Reaction(seen="yes", product="The poll sees it.", switch_value=True),
            Reaction(seen="no", product=_RESCAN, switch_value=False),
        ),
    ),
    Assumption(
        name="archived-links",
        fact="Whether the links of a record still name records that are archived.",
        matters="An archived deal must not count.",
        tried="The links of the contact of an archived deal are read.",
        switch="archived_links",
        reactions=(
            Reaction(seen="hidden", product="Archived deals do not count.", switch_value="hidden"),
            Reaction(
                seen="listed",
                product="A deal that cannot be read does not count.",
                switch_value="listed",
            ),
        ),
    ),
    Assumption(
        name="merge-id",
        fact="Whether a merge makes a record with a new id.",
        matters="What is stored of the old ids belongs to the survivor.",
        tried="Two contacts are merged.",
        switch="merge_new_id",
        reactions=(
            Reaction(seen="a new id", product=_READ_LATER, switch_value=True),
            Reaction(seen="the primary's id", product=_READ_LATER, switch_value=False),
        ),
    ),
    Assumption(
        name="merge-stage",
        fact="Which stage wins in a merge.",
        matters="A merge between clear and set may leave no stage.",
        tried="A later stage and a newer stage are merged, then a newer clear.",
        switch="merge_stage",
        reactions=(
            Reaction(seen="the primary's", product=_READ_LATER, switch_value="primary"),
            Reaction(seen="the newest", product=_READ_LATER, switch_value="recent"),
            Reaction(seen="the newest, also a clear", product=_READ_LATER, switch_value="cleared"),
        ),
    ),
    Assumption(
        name="merged-ids",
        fact="Whether a batch read answers to an id that was merged away.",
        matters="A merged record must not be taken for a deleted one.",
        tried="The merged id is read in a batch.",
        switch="batch_read_follows_merges",
        reactions=(
            Reaction(seen="yes", product="The answer's own id is taken.", switch_value=True),
            Reaction(
                seen="no",
                product="The id is looked up alone before the record is given up.",
                switch_value=False,
            ),
        ),
    ),
)
