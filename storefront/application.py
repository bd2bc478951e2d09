"""The application, assembled by `create_app`."""

from __future__ import annotations

from flask import Flask, current_app

from config import Config
from storefront import staff
from storefront.api import blueprint as api
from storefront.catalog.media import storage
from storefront.cli import commands
from storefront.core import clock, logs
from storefront.db import replicas, session
from storefront.documents import pdf
from storefront.messaging import mail, sms
from storefront.pages import account as account_pages
from storefront.pages import dev_mail, health, legacy_client, legacy_client_dev, metrics, well_known
from storefront.pages.cart import views as cart_views
from storefront.pages.catalog import media
from storefront.pages.catalog import views as catalog_views
from storefront.pages.checkout import views as checkout_views
from storefront.pages.orders import views as orders_views
from storefront.pages.payments import views as payments_views
from storefront.pages.reviews import views as reviews_views
from storefront.pages.seo import views as seo_views
from storefront.pages.sign_in import oidc_client, oidc_views, security_settings
from storefront.pages.sign_in import views as sign_in_views
from storefront.pages.wishlist import views as wishlist_views
from storefront.web import (
    cache_host,
    compression,
    error_pages,
    fragment_cache,
    health_checks,
    layout,
    outside_call_host,
    page_cache,
    replica_reads,
    request_observer,
    responses,
    security_headers,
    shared_pages,
    shop_collector,
)
from storefront.web import session as web_session
from storefront.web.converters import IdConverter
from storefront.worker import tasks

PAGES = (
    sign_in_views,
    oidc_views,
    security_settings,
    catalog_views,
    media,
    cart_views,
    checkout_views,
    orders_views,
    payments_views,
    account_pages,
    reviews_views,
    wishlist_views,
    seo_views,
    well_known,
    health,
    metrics,
)


def create_app(config: Config) -> Flask:
    """Create the application, ready to serve.

    :param config: its constructor raises `ConfigurationError` for invalid or unsafe settings
    """
    app = Flask("storefront", static_folder="../static", template_folder="../templates")
    app.config.from_mapping(config.as_mapping())
    logs.set_up(app.config["LOG_FORMAT"])
    clock.use_zone(lambda: str(current_app.config["SHOP_TIMEZONE"]))
    app.url_map.converters["id"] = IdConverter
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True

    app.config["DATA_DIR"].mkdir(parents=True, exist_ok=True)
    request_observer.init_app(app)  # its hook is the first: a request that is refused has a route, too
    session.init_app(app)
    replicas.init_app(app)
    page_cache.init_app(app)
    replica_reads.init_app(app)
    shared_pages.init_app(app)
    compression.init_app(app)  # its hook runs after those that are registered later
    security_headers.init_app(app)
    web_session.init_app(app)
    error_pages.init_app(app)
    mail.init_app(app)
    sms.init_app(app)
    storage.init_app(app)
    cache_host.init_app(app)
    outside_call_host.init_app(app)
    fragment_cache.init_app(app)
    oidc_client.init_app(app)
    tasks.init_app(app)
    health_checks.init_app(app)
    shop_collector.init_app(app)
    commands.init_app(app)
    pdf.init_app(app)

    for views in PAGES:
        app.register_blueprint(views.bp)
    api.init_app(app)
    staff.init_app(app)
    if app.config["SPA_DIR"] is not None:
        app.register_blueprint(legacy_client.bp)
    if app.config["ENVIRONMENT"] != "production":
        app.register_blueprint(dev_mail.bp)
    layout.init_app(app)
    legacy_client_dev.init_app(app)
    app.after_request(page_cache.mark_page)
    app.after_request(responses.set_cache_headers)
    request_observer.observe(app)
    return app
