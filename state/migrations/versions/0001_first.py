"""Create the first tables: mirror, ledger, plans, moves, audit and what belongs to them."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

from state.migrations import append_only, webhook_and_token_tables

revision = "0001"
down_revision = None


def upgrade() -> None:
    _mirror()
    _evidence()
    _aliases()
    _portals()
    _plans()
    _moves()
    _guards()
    webhook_and_token_tables.create()
    _audit()
    append_only.protect()


def _mirror() -> None:
    op.create_table(
        "mirror",
        *_record_key(),
        _text("properties"),
        _number("modified_at"),
        _number("created_at"),
        _number("archived_at", nullable=True),
        _number("company_id", nullable=True),
        _number("due_at", nullable=True),
        _key("portal_id", "object_type", "object_id"),
    )
    due = ("portal_id", "object_type", "object_id", "due_at")
    _partial_index("mirror_due", due, "due_at IS NOT NULL")
    _partial_index("mirror_company", ("portal_id", "company_id"), "company_id IS NOT NULL")
    _partial_index("mirror_archived", ("portal_id", "object_type"), "archived_at IS NOT NULL")


def _evidence() -> None:
    pair = ("portal_id", "source_type", "source_id", "target_type", "target_id")
    back = ("portal_id", "target_type", "target_id", "source_type", "source_id")
    op.create_table(
        "associations",
        _number("portal_id"),
        _text("source_type"),
        _number("source_id"),
        _text("target_type"),
        _number("target_id"),
        sa.Column("is_primary", sa.Boolean(), nullable=False),
        _text("labels"),
        _key(*pair),
    )
    op.create_index("associations_back", "associations", list(back))
    op.create_table(
        "ledger",
        *_record_key(),
        _text("property_name"),
        _number("at"),
        _text("value"),
        _text("source_type"),
        _text("source_id"),
        _text("user_id"),
        _text("source_label"),
        _key("portal_id", "object_type", "object_id", "property_name", "at", "value"),
    )
    op.create_table(
        "ledger_reads",
        *_record_key(),
        _number("read_at"),
        _key("portal_id", "object_type", "object_id"),
    )


def _aliases() -> None:
    op.create_table(
        "aliases",
        *_record_key(),
        _number("survivor_id"),
        _number("at"),
        _key("portal_id", "object_type", "object_id"),
    )
    op.create_index("aliases_survivor", "aliases", ["portal_id", "object_type", "survivor_id"])


def _portals() -> None:
    op.create_table(
        "portals",
        sa.Column("portal_id", sa.BigInteger(), nullable=False, autoincrement=False),
        _text("portal"),
        _text("digest"),
        _number("seen_at"),
        _key("portal_id"),
    )
    op.create_table(
        "checkpoints",
        *(_number("portal_id"), _text("name"), _text("value")),
        _key("portal_id", "name"),
    )
    op.create_table(
        "runs",
        _number("portal_id"),
        _text("run"),
        _text("kind"),
        _number("began_at"),
        _number("finished_at", nullable=True),
        _text("summary"),
        _key("portal_id", "run"),
    )


def _plans() -> None:
    op.create_table(
        "plans",
        _number("portal_id"),
        _text("plan_id"),
        _text("run"),
        _text("policy_name"),
        _text("policy_digest"),
        _number("created_at"),
        _text("digest"),
        _text("summary"),
        _key("portal_id", "plan_id"),
    )
    op.create_table(
        "plan_moves",
        _number("portal_id"),
        _text("plan_id"),
        _number("place"),
        _text("corrections"),
        sa.ForeignKeyConstraint(
            ["portal_id", "plan_id"], ["plans.portal_id", "plans.plan_id"], ondelete="CASCADE"
        ),
        _key("portal_id", "plan_id", "place"),
    )
    op.create_table(
        "plan_asides",
        _number("portal_id"),
        _text("plan_id"),
        _number("place"),
        _text("aside"),
        sa.ForeignKeyConstraint(
            ["portal_id", "plan_id"], ["plans.portal_id", "plans.plan_id"], ondelete="CASCADE"
        ),
        _key("portal_id", "plan_id", "place"),
    )


def _moves() -> None:
    op.create_table(
        "outbox",
        *_record_key(),
        _text("corrections"),
        _text("phase"),
        _text("run"),
        _text("plan"),
        _text("policy"),
        _number("promised_at"),
        _text("seen"),
        _key("portal_id", "object_type", "object_id"),
    )
    op.create_table(
        "strikes",
        *_record_key(),
        _text("content_key"),
        _text("property_name"),
        sa.Column("times", sa.Integer(), nullable=False),
        _text("outcome"),
        _text("note"),
        _number("at"),
        _key("portal_id", "object_type", "object_id", "content_key"),
    )


def _guards() -> None:
    op.create_table(
        "holds",
        _number("portal_id"),
        *(_text(name) for name in ("scope", "of", "property_name", "origin", "reason", "by")),
        _number("since"),
        _number("until", nullable=True),
        _key("portal_id", "scope", "of", "property_name", "origin"),
    )
    op.create_table(
        "sendings",
        *_record_key(),
        _number("at"),
        *(_number(f"{name}_at", nullable=True) for name in ("backward", "prior", "prior_backward")),
        _key("portal_id", "object_type", "object_id"),
    )
    op.create_table(
        "writings",
        *_record_key(),
        _text("property_name"),
        _text("content_key"),
        _number("at"),
        _key("portal_id", "object_type", "object_id", "property_name"),
    )
    op.create_table(
        "tasks",
        *_record_key(),
        _number("at"),
        _text("task"),
        _text("task_id"),
        _key("portal_id", "object_type", "object_id"),
    )


def _audit() -> None:
    op.create_table(
        "audit",
        _number("portal_id"),
        _number("place"),
        _number("at"),
        _text("run"),
        _text("object_type"),
        _number("object_id"),
        _text("property_name"),
        _text("before", nullable=True),
        _text("after", nullable=True),
        _text("rule"),
        _text("policy"),
        _text("outcome"),
        _text("correlation_id"),
        sa.Column("salt", sa.LargeBinary(), nullable=True),
        _text("seal"),
        _text("hash"),
        _key("portal_id", "place"),
    )
    op.create_index("audit_record", "audit", ["portal_id", "object_type", "object_id"])
    op.create_index("audit_run", "audit", ["portal_id", "run"])
    op.create_index("audit_at", "audit", ["portal_id", "at"])
    op.create_table(
        "audit_cuts",
        *(_number("portal_id"), _number("place"), _text("hash")),
        *(_number("latest"), _number("at"), _text("file")),
        _key("portal_id", "place"),
    )


def _record_key() -> tuple[sa.Column[int], sa.Column[str], sa.Column[int]]:
    return (_number("portal_id"), _text("object_type"), _number("object_id"))


def _number(name: str, *, nullable: bool = False) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger(), nullable=nullable)


def _text(name: str, *, nullable: bool = False) -> sa.Column[str]:
    return sa.Column(name, sa.Text(), nullable=nullable)


def _key(*names: str) -> sa.PrimaryKeyConstraint:
    return sa.PrimaryKeyConstraint(*names)


def _partial_index(name: str, columns: Sequence[str], where: str) -> None:
    op.create_index(
        name,
        "mirror",
        list(columns),
        sqlite_where=sa.text(where),
        postgresql_where=sa.text(where),
    )
