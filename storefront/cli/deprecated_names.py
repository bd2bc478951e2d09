"""Old names of commands, kept for scripts: they do the same and print a warning that names the new command."""

from __future__ import annotations

import copy

import click
from flask.cli import AppGroup

from storefront.cli.images import migrate, regenerate
from storefront.cli.preflight import preflight


def deprecated_alias(command: click.Command, old_name: str, replacement: str) -> click.Command:
    """Make a hidden command under an old name.

    :param replacement: how the command is called now, such as "images migrate"
    """
    alias = copy.copy(command)
    alias.name, alias.hidden, alias.deprecated = old_name, True, f"Use “{replacement}” instead."
    return alias


check = deprecated_alias(preflight, "check", "preflight")

pictures = AppGroup("pictures", hidden=True)
pictures.add_command(deprecated_alias(migrate, "move", "images migrate"))
pictures.add_command(deprecated_alias(regenerate, "renew", "images regenerate"))
