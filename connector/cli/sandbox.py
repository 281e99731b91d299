"""The simulated portal: a demo, and a server to try commands on."""

from __future__ import annotations

from typing import Any

import click
from rich.text import Text

from connector.cli.demo import run_demo
from connector.cli.render.console import console
from connector.cli.render.outcomes import sandbox_instructions
from connector.cli.setup import REAL_CLOCK, help_examples
from connector.errors import UserError
from connector.sandbox.http.deliveries import DeliverySettings
from connector.sandbox.http.server import Sandbox, serve
from connector.sandbox.portal.portal import Portal
from connector.sandbox.portal.triggers import TRIGGERS
from connector.sandbox.world.fill import fill
from connector.sandbox.world.first_run import WORLDS, fill_first_run

_TOKEN = "pat-eu1-sandbox"  # noqa: S105  opens nothing but the sandbox


@click.command(
    epilog=help_examples(
        "connector demo",
        "connector demo --contacts 500 --seed 7",
        "connector demo --serve",
        "connector demo --serve --port 8090 --contacts 1000",
    )
)
@click.option(
    "--contacts",
    type=click.IntRange(20, 200_000),
    help="How many contacts the portal has.  [default: 2000; 400 with --serve]",
)
@click.option("--seed", type=int, default=1, show_default=True)
@click.option("--serve", "is_served", is_flag=True, help="Open the dashboard on half a year.")
@click.option("--port", type=click.IntRange(1, 65_535), default=8080, show_default=True)
def demo(*, contacts: int | None, seed: int, is_served: bool, port: int) -> int:
    """Show the main job on a simulated portal; needs no account and no configuration."""
    if not is_served:
        return run_demo(REAL_CLOCK, contacts=contacts or 2000, seed=seed)
    # Loaded here: it brings the daemon with it.
    from connector.cli.demo_history import serve_demo

    return serve_demo(REAL_CLOCK, console(), contacts=contacts or 400, seed=seed, port=port)


@click.group(
    invoke_without_command=True,
    epilog=help_examples(
        "connector sandbox",
        "connector sandbox --port 8765 --contacts 5000",
        "connector sandbox --world typical",
        "connector sandbox --webhooks http://127.0.0.1:8080/webhooks/hubspot --secret s",
        "connector sandbox trigger deal-reopened",
    ),
)
@click.option("--port", type=click.IntRange(0, 65535), default=8765, show_default=True)
@click.option("--contacts", type=click.IntRange(0, 2_000_000), default=2000, show_default=True)
@click.option(
    "--world",
    type=click.Choice(["nordic", *WORLDS]),
    default="nordic",
    show_default=True,
    help="Whose portal: a Nordic company's of --contacts size, or one of an ordinary, untidy kind"
    " (typical: 1,885 contacts; small: 1,410), as a first run meets it.",
)
@click.option("--seed", type=int, default=1, show_default=True)
@click.option("--webhooks", metavar="URL", help="Deliver events to this address, signed.")
@click.option("--secret", default="sandbox", show_default=True, help="What they are signed with.")
@click.option("--drop", type=click.FloatRange(0, 1), default=0, help="Share of events to lose.")
@click.option(
    "--duplicate", type=click.FloatRange(0, 1), default=0, help="Share of events to deliver twice."
)
@click.option("--shuffle", is_flag=True, help="Deliver events in no order.")
def sandbox(
    *,
    port: int,
    contacts: int,
    world: str,
    seed: int,
    webhooks: str | None,
    secret: str,
    **delivery_options: Any,
) -> int:
    """Serve a simulated portal that behaves like HubSpot, on this machine only."""
    if click.get_current_context().invoked_subcommand:
        return 0
    portal = Portal(portal_id=147893286, time_zone="Europe/Oslo")
    if world in WORLDS:
        fill_first_run(portal, world, seed=seed)
    else:
        fill(portal, contacts=contacts, seed=seed)

    def announce(server: Sandbox) -> None:
        if webhooks:
            server.set_deliveries(
                DeliverySettings(target=webhooks, secret=secret, seed=seed, **delivery_options)
            )
        console().print(
            Text(sandbox_instructions(server.url, server.token, len(portal.records("contacts"))))
        )

    serve(portal, port=port, token=_TOKEN, on_ready=announce)
    return 0


_EVENTS = "".join(f"\n{name:<18} {event.description}" for name, event in TRIGGERS.items())


@sandbox.command(
    help="Make something happen in a running sandbox, to a contact or to the first that fits."
    f"\n\n\b{_EVENTS}",
    epilog=help_examples(
        "connector sandbox trigger deal-reopened",
        "connector sandbox trigger form-filled contacts/2001",
        "connector sandbox trigger workflow-fight --url http://127.0.0.1:9000",
    ),
)
@click.argument("event", type=click.Choice(list(TRIGGERS)), metavar="EVENT")
@click.argument("record", default="", metavar="[contacts/ID]")
@click.option("--url", default="http://127.0.0.1:8765", show_default=True, help="Of the sandbox.")
def trigger(*, event: str, record: str, url: str) -> int:
    """Make something happen in a running sandbox, to a contact or to the first that fits."""
    console().print(Text(_ask_sandbox(url, {"event": event, "record": record})))
    return 0


def _ask_sandbox(url: str, body: dict[str, str]) -> str:
    import urllib3

    try:
        answer = urllib3.request("POST", f"{url}/_sandbox/trigger", json=body, timeout=10)
        content = answer.json()
    except (urllib3.exceptions.HTTPError, ValueError) as error:
        raise UserError(
            f"No sandbox answers at {url}. Start one (connector sandbox), or name it with --url."
        ) from error
    if answer.status != 200:
        raise UserError(f"The sandbox refused: {content['message']}.")
    return str(content["happened"])
