"""The command line's `flask staff`: who of the accounts is staff."""

from __future__ import annotations

import secrets

import click
from flask.cli import AppGroup, with_appcontext

from storefront.accounts import service as accounts
from storefront.accounts.service import Role
from storefront.core import contact

staff = AppGroup("staff", help="Who works here.")

ROLES = [role.value for role in Role if role.is_staff]


def _email(context: click.Context, option: click.Parameter, typed: str) -> str:
    try:
        return contact.normalize_email(typed)
    except contact.NotAnEmail as error:
        raise click.BadParameter("this is no e-mail address") from error


@staff.command("create")
@click.option("--email", required=True, callback=_email, help="The codes at sign-in go there.")
@click.option("--role", required=True, type=click.Choice(ROLES))
@click.option("--name", required=True)
@click.option("--generate", is_flag=True, help="Make a password and print it once, instead of asking for one.")
@with_appcontext
def create(email: str, role: str, name: str, generate: bool) -> None:
    """Open an account for somebody of the staff."""
    password = (
        secrets.token_urlsafe(15) if generate else click.prompt("Password", hide_input=True, confirmation_prompt=True)
    )
    try:
        accounts.create_staff(email, name, Role(role), password)
    except accounts.EmailTaken as error:
        raise click.ClickException(f"{email} has an account: flask staff role --email {email} --role {role}") from error
    except accounts.WeakPassword as error:
        raise click.ClickException(error.reason) from error
    click.echo(f"{email} may now sign in as {role}; a code comes by mail at each sign-in.")
    if generate:
        click.echo(f"Password, shown this once: {password}")


@staff.command("list")
@with_appcontext
def show() -> None:
    """Everybody with rights of staff."""
    for member in accounts.staff_members():
        click.echo(f"{member.role:8} {member.email or member.phone}  {member.name or ''}".rstrip())


@staff.command("role")
@click.option("--email", required=True, callback=_email)
@click.option("--role", required=True, type=click.Choice([role.value for role in Role]), help="customer: no rights.")
@with_appcontext
def change(email: str, role: str) -> None:
    """Give rights to an account, or take them; wherever it is signed in, it is so no more."""
    try:
        accounts.set_role(email, Role(role))
    except accounts.UnknownUser as error:
        raise click.ClickException(f"{email} has no account: flask staff create opens one") from error
    except accounts.NoProvedAddress as error:
        raise click.ClickException(f"{email} was never confirmed by its owner: they must do so first") from error
    except accounts.LastAdmin as error:
        raise click.ClickException(f"{email} is the last admin: make somebody else one first") from error
    click.echo(f"{email} is {role} from the next sign-in.")
