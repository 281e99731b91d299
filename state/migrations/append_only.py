"""Let the database itself refuse every change of the audit, save a redaction."""

from __future__ import annotations

from alembic import op

# Every column but the two values and their salt, which a redaction may set to NULL.
AUDIT_FOR_GOOD = (
    *("portal_id", "place", "at", "run", "object_type", "object_id", "property_name"),
    *("rule", "policy", "outcome", "correlation_id", "seal", "hash"),
)


def protect() -> None:
    """Create what refuses, in the words of the database."""
    if op.get_context().dialect.name == "postgresql":
        _refuse_changes_on_postgresql()
    else:
        _refuse_changes_on_sqlite()


def _refuse_changes_on_sqlite() -> None:
    refuse = "SELECT RAISE(ABORT, 'the audit is append-only')"
    same = " AND ".join(f"NEW.{one} IS OLD.{one}" for one in AUDIT_FOR_GOOD)
    # INSERT OR REPLACE deletes without asking the trigger of DELETE, hence the first one.
    for name, when in (
        (
            "insert",
            "INSERT ON audit WHEN NEW.place <= "
            "(SELECT max(place) FROM audit WHERE portal_id = NEW.portal_id)",
        ),
        ("update", f"UPDATE ON audit WHEN NOT ({_redacts()} AND {same})"),
        ("delete", "DELETE ON audit"),
    ):
        op.execute(f"CREATE TRIGGER audit_refuses_{name} BEFORE {when} BEGIN {refuse}; END")


def _refuse_changes_on_postgresql() -> None:
    same = " AND ".join(f"NEW.{one} IS NOT DISTINCT FROM OLD.{one}" for one in AUDIT_FOR_GOOD)
    op.execute(
        "CREATE FUNCTION audit_refuses() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN RAISE EXCEPTION 'the audit is append-only'; END $$"
    )
    for name, when in (
        ("update", f"UPDATE ON audit FOR EACH ROW WHEN (NOT ({_redacts()} AND {same}))"),
        ("delete", "DELETE ON audit FOR EACH ROW"),
        ("truncate", "TRUNCATE ON audit FOR EACH STATEMENT"),
    ):
        op.execute(
            f"CREATE TRIGGER audit_refuses_{name} BEFORE {when} EXECUTE FUNCTION audit_refuses()"
        )


def _redacts() -> str:
    return 'NEW."before" IS NULL AND NEW."after" IS NULL AND NEW.salt IS NULL'
