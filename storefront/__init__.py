"""storefront: a whole shop in one Flask application. `create_app` is its table of contents."""

from __future__ import annotations

from flask import Flask

from config import Config
from storefront import (
    commands,
    database,
    dev_client,
    devmail,
    errors,
    health,
    logs,
    mail,
    responses,
    security,
    shell,
    sms,
    spa,
    staff,
    tasks,
    visitor,
    well_known,
)
from storefront.accounts import oidc, provider_views, security_views
from storefront.accounts import views as accounts_views
from storefront.api import blueprint as api
from storefront.cart import views as cart_views
from storefront.catalog import media_views, picture_store
from storefront.catalog import views as catalog_views
from storefront.checkout import views as checkout_views
from storefront.customer import pages as customer_pages
from storefront.orders import views as orders_views
from storefront.payments import views as payments_views
from storefront.reviews import views as reviews_views
from storefront.seo import views as seo_views
from storefront.web import cache_host, fragment_cache
from storefront.web.converters import IdConverter
from storefront.wishlist import views as wishlist_views


def create_app(config: Config) -> Flask:
    """The application, ready to serve.

    :raise config.ConfigurationError: the environment asks for something unsafe (raised by `Config`)
    """
    app = Flask(__name__, static_folder="../static", template_folder="../templates")
    app.config.from_mapping(config.as_mapping())
    logs.set_up()
    app.url_map.converters["id"] = IdConverter
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True

    app.config["DATA_DIR"].mkdir(parents=True, exist_ok=True)
    database.init_app(app)
    security.init_app(app)
    visitor.init_app(app)
    errors.init_app(app)
    mail.init_app(app)
    sms.init_app(app)
    picture_store.init_app(app)
    cache_host.init_app(app)
    fragment_cache.init_app(app)
    oidc.init_app(app)
    tasks.init_app(app)
    commands.init_app(app)

    for views in (
        accounts_views,
        provider_views,
        security_views,
        catalog_views,
        media_views,
        cart_views,
        checkout_views,
        orders_views,
        payments_views,
        customer_pages,
        reviews_views,
        wishlist_views,
        seo_views,
        well_known,
    ):
        app.register_blueprint(views.bp)
    app.register_blueprint(health.bp)
    api.init_app(app)
    staff.init_app(app)
    if app.config["SPA_DIR"] is not None:
        app.register_blueprint(spa.bp)
    if app.config["ENVIRONMENT"] != "production":
        app.register_blueprint(devmail.bp)
    shell.init_app(app)
    dev_client.init_app(app)
    app.after_request(responses.finish)
    return app
