"""Create the table of introduced rules, and introduce the rules that were in use before."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.create_table(
        "introduced_rules",
        sa.Column("portal_id", sa.BigInteger(), nullable=False),
        sa.Column("rule", sa.Text(), nullable=False),
        sa.Column("run", sa.Text(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("portal_id", "rule"),
    )
    # A rule that has corrected records of this portal is no new one: its owner knows it.
    op.execute(
        "INSERT INTO introduced_rules (portal_id, rule, run, at) "
        "SELECT portal_id, rule, min(run), min(at) FROM audit "
        "WHERE outcome IN ('applied', 'reverted') GROUP BY portal_id, rule"
    )
