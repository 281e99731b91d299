"""Write the policy's page as one file of HTML that needs nothing else."""

from __future__ import annotations

from importlib.resources import files

from connector.core.binding.bound_policy import BoundPolicy
from connector.core.model import Portal
from connector.web.dashboard.pages import policy_in_words
from connector.web.dashboard.rendering import render_alone


def policy_html(policy: BoundPolicy, portal: Portal) -> str:
    """Return a bound policy in plain words, to send and to print."""
    package = files("connector.web.dashboard")
    style = package.joinpath("templates/style.css").read_text(encoding="utf-8")
    page = policy_in_words(policy, portal)
    return render_alone("policy_alone.html", style=style, **page)
