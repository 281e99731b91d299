"""Let the end of an action be a row of its own, and seal reasons so that they can be erased."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    op.add_column("operator_actions", sa.Column("ends", sa.BigInteger(), nullable=True))
    op.add_column("operator_actions", sa.Column("salt", sa.Text(), nullable=True))
    op.add_column("operator_actions", sa.Column("seal", sa.Text(), nullable=True))
