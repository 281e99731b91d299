"""Create the table of what people asked for on the dashboard."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    op.create_table(
        "operator_actions",
        sa.Column("portal_id", sa.BigInteger(), nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        *(
            sa.Column(name, sa.Text(), nullable=False)
            for name in (
                *("user", "verb", "rule", "record", "run", "plan_id", "plan_digest", "reason"),
                *("outcome", "outcome_run", "hash"),
            )
        ),
        sa.Column("finished_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("portal_id", "position"),
    )
