"""Words for what is unavailable while a service of somebody else does not answer; the same on pages and by API."""

from __future__ import annotations

PAYMENT_HINT = "Not available at the moment: the payment provider does not answer."


def payment_unavailable(label: str) -> str:
    """Say that a payment method cannot be used now.

    :param label: its name, such as "Card"
    """
    return (
        f"{label} is not available at the moment: the payment provider does not answer. "
        "Pay another way, or try again in a few minutes."
    )


def sign_in_unavailable(name: str) -> str:
    """Say that nobody can sign in with a provider now.

    :param name: of the provider
    """
    return (
        f"Signing in with {name} is not available at the moment: it does not answer. "
        "Use your password, or try again in a few minutes."
    )
