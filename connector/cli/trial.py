"""Run `connector check --trial`: say what it will do, show what was seen, write it to a file."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from connector import __version__
from connector.cli.common_options import is_quiet
from connector.cli.render import trial_result
from connector.cli.render.console import console, echo, write_json
from connector.cli.render.context_line import context_line
from connector.config.open_run import full_database_url, open_api, run_id, run_origin
from connector.config.policy_choice import PolicyChoice
from connector.config.run_clock import RunClock
from connector.config.settings import Settings
from connector.core.model import Account
from connector.errors import ConnectorError, UserError
from connector.hubspot.client import HubSpotClient
from connector.operations.trial import trial
from connector.operations.trial.clean import Cleaning, listing_requests, remove_all
from connector.operations.trial.open_trial import close_trial
from connector.operations.trial.trial_records import MARK
from state.db.encoding import canonical_json
from state.db.store import Store

_EXAMPLES = 5


def try_assumptions(settings: Settings, clock: RunClock, *, out: str | None, as_json: bool) -> int:
    """Run a trial; return 1 where somebody must look.

    That is where records may be left, the product suffers from an answer, or something could not
    be tried because of a failure.
    """
    with _test_account(settings, clock, "connector check --trial") as (client, store, account):
        path = Path(out or f"trial-{account.portal_id}.json")
        _require_writable(path)
        if not is_quiet():
            _announce(settings, account, writes="records of its own, removed at the end")
            echo(
                f"Trial in portal {account.portal_id} ({account.account_type}): at most "
                f"{trial.REQUESTS_AT_MOST} requests, up to {trial.MINUTES_AT_MOST} minutes. Every "
                f"record is named {MARK}-…, and removed at the end. What is seen is kept in "
                f"{full_database_url(settings.database_url)}, and in {path}.",
                err=True,
            )
        result = trial.run_trial(
            client,
            store,
            account,
            wait=clock.wait,
            token=run_id(client.now()).lower(),
            version=__version__,
        )
    document = result.document()
    _write(path, canonical_json(document))
    if as_json:
        write_json(document)
    else:
        console().print(trial_result.renderable(result))
        echo(
            f"The result is in {path} as well: of the portal it holds the id, and no values of "
            "records.",
            err=True,
        )
    return int(result.needs_action)


def clean_after_trial(settings: Settings, clock: RunClock, *, as_json: bool) -> int:
    """Remove the records of every trial in a test account; return 1 where some may be left."""
    holder_name = "connector check --trial --clean"
    with _test_account(settings, clock, holder_name) as (client, store, account):
        if not is_quiet():
            _announce(settings, account, writes="archives the records of trials")
            echo(_announcement(client, account), err=True)
        cleaning = remove_all(client)
        if cleaning.is_complete:
            close_trial(store, account.portal_id)
    left = [str(ref) for ref in sorted(cleaning.left)]
    if as_json:
        document = {"removed": cleaning.removed, "left": left, "problems": cleaning.problems}
        write_json({"portal_id": account.portal_id, **document})
    else:
        echo(_cleaned_text(cleaning, left))
    return int(not cleaning.is_complete)


def _announce(settings: Settings, account: Account, *, writes: str) -> None:
    """Say what the trial rests on, as every command does: no policy has a part in it."""
    origin = run_origin(settings, PolicyChoice(name="none", source="a trial decides nothing"))
    echo(context_line(account.portal_id, origin, writes=writes), err=True)


def _announcement(client: HubSpotClient, account: Account) -> str:
    try:
        cost = f"about {listing_requests(client):,} requests"
    except ConnectorError:
        cost = "one request for each hundred records"
    return f"Listing every record of portal {account.portal_id}: {cost}."


def _cleaned_text(cleaning: Cleaning, left: list[str]) -> str:
    text = f"{cleaning.removed} records of trials were removed"
    if cleaning.is_complete:
        return f"{text}; none is left."
    more = ", …" if len(left) > _EXAMPLES else ""
    examples = f" ({', '.join(left[:_EXAMPLES])}{more})" if left else ""
    return "\n".join(
        [
            f"{text}; {len(left)} are left, or cannot be read{examples}. Run "
            "`connector check --trial --clean` again later, or delete them in HubSpot.",
            *cleaning.problems,
        ]
    )


@contextmanager
def _test_account(
    settings: Settings, clock: RunClock, holder_name: str
) -> Iterator[tuple[HubSpotClient, Store, Account]]:
    """Open client and database of a test account, as its only writer; refuse any other account."""
    with closing(open_api(settings, clock)) as client:
        account = client.account()
        trial.require_test_account(account, settings.portal_id)
        with (
            Store.open(settings.database_url) as store,
            store.writer_lock(account.portal_id, holder_name=holder_name),
        ):
            yield client, store, account


def _require_writable(path: Path) -> None:
    """Raise UserError where the result could not be written, before anything is tried."""
    is_new = not path.exists()
    try:
        path.open("a", encoding="utf-8").close()
        if is_new:
            path.unlink()
    except OSError as error:
        raise UserError(
            f"{path} cannot be written ({error.strerror}): name another file with --out. Nothing "
            "was tried."
        ) from error


def _write(path: Path, text: str) -> None:
    try:
        path.write_text(text + "\n", encoding="utf-8")
    except OSError as error:
        raise UserError(
            f"{path} cannot be written ({error.strerror}): name another file with --out. The "
            "result is kept in the database."
        ) from error
