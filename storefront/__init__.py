"""storefront: a self-hosted shop in one Flask application."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from flask import Flask

    from config import Config


def create_app(config: Config) -> Flask:
    """Create the application, ready to serve.

    :param config: its constructor raises `ConfigurationError` for invalid or unsafe settings
    """
    from storefront import application  # imports config.py, which imports this package

    return application.create_app(config)
