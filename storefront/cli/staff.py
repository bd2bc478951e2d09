"""`flask --app wsgi staff …`: manage the accounts of the staff."""

from __future__ import annotations

import secrets

import click
from flask.cli import AppGroup, with_appcontext

from storefront.accounts import service as accounts
from storefront.accounts.values import EmailTaken, LastAdmin, NoProvedAddress, Role, UnknownUser, WeakPassword
from storefront.core import contact

staff = AppGroup("staff", help="Manage staff accounts.")

ROLES = [role.value for role in Role if role.is_staff]


def _email(context: click.Context, option: click.Parameter, typed: str) -> str:
    try:
        return contact.normalize_email(typed)
    except contact.NotAnEmail as error:
        raise click.BadParameter("not an e-mail address") from error


@staff.command("create")
@click.option("--email", required=True, callback=_email, help="Address that sign-in codes are sent to.")
@click.option("--role", required=True, type=click.Choice(ROLES))
@click.option("--name", required=True)
@click.option("--generate", is_flag=True, help="Generate a password and print it once, instead of asking for one.")
@with_appcontext
def create(email: str, role: str, name: str, generate: bool) -> None:
    """Create a staff account."""
    password = (
        secrets.token_urlsafe(15) if generate else click.prompt("Password", hide_input=True, confirmation_prompt=True)
    )
    try:
        accounts.create_staff(email, name, Role(role), password)
    except EmailTaken as error:
        raise click.ClickException(
            f"{email} already has an account: use flask staff role --email {email} --role {role}"
        ) from error
    except WeakPassword as error:
        raise click.ClickException(error.reason) from error
    click.echo(f"{email} can now sign in as {role}; each sign-in needs a code sent by e-mail.")
    if generate:
        click.echo(f"Password, shown this once: {password}")


@staff.command("list")
@with_appcontext
def show() -> None:
    """List the staff accounts."""
    for member in accounts.staff_members():
        click.echo(f"{member.role:8} {member.email or member.phone}  {member.name or ''}".rstrip())


@staff.command("role")
@click.option("--email", required=True, callback=_email)
@click.option(
    "--role", required=True, type=click.Choice([role.value for role in Role]), help="customer removes all staff rights."
)
@with_appcontext
def change(email: str, role: str) -> None:
    """Change the role of an account and end its sessions."""
    try:
        accounts.set_role(email, Role(role))
    except UnknownUser as error:
        raise click.ClickException(f"{email} has no account: create one with flask staff create") from error
    except NoProvedAddress as error:
        raise click.ClickException(f"{email} is not verified: its owner must confirm it first") from error
    except LastAdmin as error:
        raise click.ClickException(f"{email} is the last admin: make another account admin first") from error
    click.echo(f"{email} is {role} from the next sign-in.")
    keys = [each for each in accounts.list_api_keys() if each.made_by == email and each.problem is None]
    if keys and Role(role) is not Role.ADMIN:
        names = ", ".join(each.key.name for each in keys)
        click.echo(f"API keys that they made go on working: {names}. Replace those they may know, at /staff/api-keys.")
