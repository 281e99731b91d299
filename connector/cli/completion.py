"""Print the script by which a shell completes commands and options."""

from __future__ import annotations

import click

from connector.cli.setup import help_examples

_SHELLS = ("bash", "zsh", "fish")


@click.command(
    epilog=help_examples(
        'eval "$(connector completion bash)"',
        "connector completion zsh > ~/.zfunc/_connector",
        "connector completion fish > ~/.config/fish/completions/connector.fish",
    )
)
@click.argument("shell", type=click.Choice(_SHELLS))
def completion(*, shell: str) -> int:
    """Print what makes a shell complete commands and options."""
    from click.shell_completion import get_completion_class

    completion_class = get_completion_class(shell)
    if completion_class is None:
        raise click.UsageError(f"There is no completion for {shell}.")
    root = click.get_current_context().find_root().command
    script = completion_class(root, {}, "connector", "_CONNECTOR_COMPLETE")
    click.echo(script.source_template % script.source_vars())
    return 0
