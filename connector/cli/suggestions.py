"""Suggest the command that was probably meant."""

from __future__ import annotations

import click


class SuggestingGroup(click.Group):
    """A group of commands that answers a wrong name with the nearest right ones."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Return the command that is named; raise UsageError with suggestions otherwise."""
        name = args[0]
        if self.get_command(ctx, name) is None and not name.startswith("-"):
            raise click.UsageError(f"There is no command {name!r}{self._hint(ctx, name)}", ctx)
        return super().resolve_command(ctx, args)

    def _hint(self, ctx: click.Context, name: str) -> str:
        from difflib import get_close_matches

        names = self.list_commands(ctx)
        matches = get_close_matches(name, names, n=2, cutoff=0.5)
        if matches:
            return f": did you mean {' or '.join(matches)}?"
        return f": there are {', '.join(names)}."
