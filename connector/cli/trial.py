"""Run `connector check --trial`: say what it will do, show what was seen, write it to a file."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from connector import __version__
from connector.cli.common_options import is_quiet
from connector.cli.render import trial_result
from connector.cli.render.console import console, echo, write_json
from connector.config.open_run import open_api, run_id
from connector.config.run_clock import RunClock
from connector.config.settings import Settings
from connector.core.model import Account
from connector.errors import UserError
from connector.hubspot.client import HubSpotClient
from connector.operations.trial import trial
from connector.operations.trial.clean import remove_all
from connector.operations.trial.trial_records import MARK
from state.db.encoding import canonical_json
from state.db.store import Store


def try_assumptions(settings: Settings, clock: RunClock, *, out: str | None, as_json: bool) -> int:
    """Run a trial; return 1 where records are left, or the product suffers from an answer."""
    with _test_account(settings, clock) as (client, store, account):
        if trial.open_trial(store, account.portal_id):
            raise UserError(
                "An earlier trial was stopped, and its records may be left: remove them first with "
                "`connector check --trial --clean`."
            )
        if not is_quiet():
            echo(
                f"Trial in portal {account.portal_id} ({account.account_type}): at most "
                f"{trial.REQUESTS_AT_MOST} requests, up to {trial.MINUTES_AT_MOST} minutes. Every "
                f"record is named {MARK}-…, and removed at the end.",
                err=True,
            )
        result = trial.run_trial(
            client,
            store,
            account,
            wait=clock.wait,
            token=run_id(client.now()).lower(),
            versions={"connector": __version__},
        )
    document = result.document()
    path = Path(out or f"trial-{account.portal_id}.json")
    _write(path, canonical_json(document))
    if as_json:
        write_json(document)
    else:
        console().print(trial_result.renderable(result))
        echo(f"The result is in {path} as well: it holds no data of the portal.", err=True)
    return int(bool(result.left) or any(not item.is_expected for item in result.observations))


def clean_after_trial(settings: Settings, clock: RunClock, *, as_json: bool) -> int:
    """Remove the records of every trial in a test account."""
    with _test_account(settings, clock) as (client, store, account):
        removed = remove_all(client)
        trial.close_trial(store, account.portal_id)
    if as_json:
        write_json({"portal_id": account.portal_id, "removed": removed})
    else:
        echo(f"{removed} records of trials were removed; none is left.")
    return 0


@contextmanager
def _test_account(
    settings: Settings, clock: RunClock
) -> Iterator[tuple[HubSpotClient, Store, Account]]:
    """Open client and database of a test account; refuse any other before its first write."""
    with closing(open_api(settings, clock)) as client:
        account = client.account()
        trial.require_test_account(account, settings.portal_id)
        with Store.open(settings.database_url) as store:
            yield client, store, account


def _write(path: Path, text: str) -> None:
    try:
        path.write_text(text + "\n", encoding="utf-8")
    except OSError as error:
        raise UserError(
            f"{path} cannot be written ({error.strerror}): name another file with --out. The "
            "result is kept in the database; `connector check` shows what of it matters."
        ) from error
