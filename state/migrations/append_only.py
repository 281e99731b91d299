"""Create the triggers that refuse every change of the audit except a redaction or a cut."""

from __future__ import annotations

from alembic import op

# Every column but the two values and their salt, which a redaction may set to NULL.
AUDIT_FOR_GOOD = (
    *("portal_id", "place", "at", "run", "object_type", "object_id", "property_name"),
    *("rule", "policy", "outcome", "correlation_id", "seal", "hash"),
)
_APPEND_ONLY = "the audit is append-only"


def protect() -> None:
    """Create the triggers, in the SQL of the database."""
    if op.get_context().dialect.name == "postgresql":
        _refuse_changes_on_postgresql()
    else:
        _refuse_changes_on_sqlite()


def _refuse_changes_on_sqlite() -> None:
    same = " AND ".join(f"NEW.{name} IS OLD.{name}" for name in AUDIT_FOR_GOOD)
    # INSERT OR REPLACE deletes without asking the trigger of DELETE, hence the inserts.
    for table, name, when in (
        (
            "audit",
            "insert",
            f"INSERT ON audit WHEN NEW.place <= max({_place('audit', 'NEW')}, {_cut('NEW')})",
        ),
        ("audit", "update", f"UPDATE ON audit WHEN NOT ({_redacts()} AND {same})"),
        ("audit", "delete", f"DELETE ON audit WHEN OLD.place > {_cut('OLD')}"),
        (
            "audit_cuts",
            "insert",
            f"INSERT ON audit_cuts WHEN NEW.place <= {_cut('NEW')} OR NOT {_there()}",
        ),
        ("audit_cuts", "update", "UPDATE ON audit_cuts"),
        ("audit_cuts", "delete", "DELETE ON audit_cuts"),
    ):
        op.execute(
            f"CREATE TRIGGER {table}_refuses_{name} BEFORE {when} "
            f"BEGIN SELECT RAISE(ABORT, '{_APPEND_ONLY}'); END"
        )


def _refuse_changes_on_postgresql() -> None:
    same = " AND ".join(f"NEW.{name} IS NOT DISTINCT FROM OLD.{name}" for name in AUDIT_FOR_GOOD)
    _function("audit_refuses", unless="FALSE", then="NULL")
    # A condition of a trigger may not look into tables there, a function may.
    _function("audit_refuses_uncut", unless=f"OLD.place <= {_cut('OLD')}", then="OLD")
    _function("audit_refuses_again", unless=f"NEW.place > {_cut('NEW')}", then="NEW")
    _function("audit_refuses_cut", unless=f"NEW.place > {_cut('NEW')} AND {_there()}", then="NEW")
    for table, name, when, function in (
        ("audit", "insert", "INSERT ON audit FOR EACH ROW", "audit_refuses_again"),
        (
            "audit",
            "update",
            f"UPDATE ON audit FOR EACH ROW WHEN (NOT ({_redacts()} AND {same}))",
            "audit_refuses",
        ),
        ("audit", "delete", "DELETE ON audit FOR EACH ROW", "audit_refuses_uncut"),
        ("audit", "truncate", "TRUNCATE ON audit FOR EACH STATEMENT", "audit_refuses"),
        ("audit_cuts", "insert", "INSERT ON audit_cuts FOR EACH ROW", "audit_refuses_cut"),
        ("audit_cuts", "update", "UPDATE ON audit_cuts FOR EACH ROW", "audit_refuses"),
        ("audit_cuts", "delete", "DELETE ON audit_cuts FOR EACH ROW", "audit_refuses"),
        ("audit_cuts", "truncate", "TRUNCATE ON audit_cuts FOR EACH STATEMENT", "audit_refuses"),
    ):
        op.execute(
            f"CREATE TRIGGER {table}_refuses_{name} BEFORE {when} EXECUTE FUNCTION {function}()"
        )


def _function(name: str, *, unless: str, then: str) -> None:
    op.execute(
        f"CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
        f"IF {unless} THEN RETURN {then}; END IF; "
        # The class of a broken constraint: SQLite's refusal is one as well.
        f"RAISE EXCEPTION '{_APPEND_ONLY}' USING ERRCODE = '23000'; END $$"
    )


def _redacts() -> str:
    return 'NEW."before" IS NULL AND NEW."after" IS NULL AND NEW.salt IS NULL'


def _place(table: str, row: str) -> str:
    return f"(SELECT coalesce(max(place), 0) FROM {table} WHERE portal_id = {row}.portal_id)"  # noqa: S608 - all names come from this file


def _cut(row: str) -> str:
    """Return the SQL of the place up to which lines were cut."""
    return _place("audit_cuts", row)


def _there() -> str:
    """Return the SQL condition that a new cut ends in an existing line with its hash."""
    return (
        "EXISTS (SELECT 1 FROM audit WHERE audit.portal_id = NEW.portal_id "
        "AND audit.place = NEW.place AND audit.hash = NEW.hash)"
    )
