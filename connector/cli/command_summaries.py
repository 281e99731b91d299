"""What the list of commands says of each command, so that showing it loads none of them."""

from typing import Final

# A test holds this to the help of the commands.
SUMMARIES: Final = {
    "demo": "Show the main job on a simulated portal; needs no account and no configuration.",
    "sandbox": "Serve a simulated portal that behaves like HubSpot, on this machine only.",
    "check": "Check token, portal, scopes, stages, pipelines and policy; only --trial writes.",
    "pull": "Bring the local mirror up to date; the first pull reads the whole portal.",
    "plan": "Show what is wrong and what would be corrected; never writes to HubSpot.",
    "apply": "Correct what the mirror says is wrong, or what a reviewed PLAN says and still holds.",
    "sync": "Pull, plan and apply in one go.",
    "backfill": "Read the whole portal, plan and apply; says first what it costs, and asks.",
    "run": "Poll, listen to webhooks, decide, and write where CONNECTOR_WRITES=apply says so.",
    "worker": (
        "Work on all portals of the folder, beside other workers on the same PostgreSQL database."
    ),
    "mirror": "Prove that the mirror is complete, by counts and by a sample of ids, and repair it.",
    "explain": "Show what a record is, what it should be, by which rule and on what evidence.",
    "policy": "Check, test, show and begin policies; nothing is written to HubSpot.",
    "audit": "Show what was written and why.",
    "report": (
        "Show customers, overlooked contacts, contradictions, the funnel, its velocity, or writers."
    ),
    "history": "Read the stage histories that `report funnel` and `report velocity` rest on.",
    "undo": "Put back what still stands as we left it, and hold it there.",
    "hold": "Keep records, companies, domains or owners from being corrected.",
    "pause": "Write nothing to the portal until `connector resume`.",
    "resume": "Let writes through again after a pause.",
    "mcp": "Explain, plan and report to an assistant, over the Model Context Protocol (stdio).",
    "completion": "Print what makes a shell complete commands and options.",
    "runs": "List the runs, newest first: what each did, and how to undo it.",
    "quarantine": (
        "Show records that cannot be read and corrections that failed twice; try them again."
    ),
    "portals": "List, add, check and remove the portals of a fleet: one TOML file for each.",
    "state": "Move what the connector remembers to another database.",
    "recover": "Finish the moves that a stopped run, or HubSpot's refusals, left open.",
}
