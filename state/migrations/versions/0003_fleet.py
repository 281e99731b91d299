"""Make the tables that many machines share: numbered writers, and slots of requests."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.create_table(
        "writer_fences",
        sa.Column("portal_id", sa.BigInteger(), nullable=False, autoincrement=False),
        sa.Column("fence", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("portal_id"),
    )
    op.create_table(
        "rate_slots",
        sa.Column("portal_id", sa.BigInteger(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("slots", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("portal_id", "name"),
    )
