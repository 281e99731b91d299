"""Remember by which policies a portal was decided, is to be decided, and a daemon wrote."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from state import checkpoints
from state.db.transaction import Transaction

_SET: Final = "policy-set"
_LAST: Final = "policy-last"
_DAEMON: Final = "policy-daemon"


@dataclass(frozen=True, slots=True, kw_only=True)
class RememberedPolicy:
    """A policy as it is opened again: a preset's name or the full path of a file.

    `digest` is of the policy's meaning, not bound to a portal.
    """

    name: str
    digest: str


def read_set(session: Transaction) -> RememberedPolicy | None:
    """Return the policy that `connector policy use` set, None where none is set."""
    return _parse(checkpoints.get(session, _SET))


def read_last(session: Transaction) -> RememberedPolicy | None:
    """Return the policy by which the portal was decided last, None before the first."""
    return _parse(checkpoints.get(session, _LAST))


def put_set(session: Transaction, policy: RememberedPolicy) -> None:
    """Set the policy of a portal from now on; it counts as the last one, too."""
    checkpoints.put(session, _SET, _document(policy))
    put_last(session, policy)


def put_last(session: Transaction, policy: RememberedPolicy) -> None:
    """Remember that a portal was decided by this policy."""
    checkpoints.put(session, _LAST, _document(policy))


def read_daemon_digest(session: Transaction) -> str:
    """Return the digest of the policy by which a daemon last wrote; "" where none ever did."""
    return checkpoints.get(session, _DAEMON) or ""


def put_daemon_digest(session: Transaction, digest: str) -> None:
    """Remember that a daemon writes by the policy with this digest, bound to the portal."""
    checkpoints.put(session, _DAEMON, digest)


def _document(policy: RememberedPolicy) -> dict[str, str]:
    return {"name": policy.name, "digest": policy.digest}


def _parse(document: Any) -> RememberedPolicy | None:
    return None if document is None else RememberedPolicy(**document)
