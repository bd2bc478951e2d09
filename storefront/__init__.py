"""storefront: a whole shop in one Flask application. `create_app` is its table of contents."""

from __future__ import annotations

import logging

from flask import Flask

from config import Config
from storefront import commands, database, devmail, errors, health, mail, responses, security, shell, tasks, visitor
from storefront.cart import views as cart_views
from storefront.catalog import views as catalog_views
from storefront.checkout import views as checkout_views
from storefront.orders import views as orders_views
from storefront.payments import views as payments_views


def _set_up_logging() -> None:
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    for chatty in ("alembic", "huey"):
        logging.getLogger(chatty).setLevel(logging.WARNING)


def create_app(config: Config) -> Flask:
    """The application, ready to serve.

    :raise config.ConfigurationError: the environment asks for something unsafe (raised by `Config`)
    """
    app = Flask(__name__, static_folder="../static", template_folder="../templates")
    app.config.from_mapping(config.as_mapping())
    _set_up_logging()
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True

    app.config["DATA_DIR"].mkdir(parents=True, exist_ok=True)
    database.init_app(app)
    security.init_app(app)
    visitor.init_app(app)
    errors.init_app(app)
    mail.init_app(app)
    tasks.init_app(app)
    commands.init_app(app)

    for views in (catalog_views, cart_views, checkout_views, orders_views, payments_views):
        app.register_blueprint(views.bp)
    app.register_blueprint(health.bp)
    if app.config["ENVIRONMENT"] != "production":
        app.register_blueprint(devmail.bp)
    shell.init_app(app)
    app.after_request(responses.finish)
    return app
