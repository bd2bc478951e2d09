"""Configuration, read from the environment once at start-up. docs/running.md lists every variable.

An invalid setting is refused here, with a message that names it, and not when the first request needs it.
"""

import os
import re
import secrets
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

from storefront.core import environment as env
from storefront.core.environment import ConfigurationError

SCHEMAS = ("accounts", "catalog", "cart", "checkout", "orders", "payments", "webhooks")
OFFLINE_PAYMENTS = ("cod", "upi", "bnpl")
MAX_DATABASE_CONNECTIONS = 15  # of one process to one schema; a server process has eight threads
MAX_REQUESTS = 1_000_000  # a minute, of a general rate limit
MIN_KEY_LENGTH = 32  # characters; the length in bytes of an HMAC-SHA256 signature


# ------------------------------------------------------------------------------------- databases and the key


def database_urls(template: str) -> dict[str, str]:
    """The database URL of each schema: `<SCHEMA>_DATABASE_URL` if set, else the template with `{schema}` filled in.

    :raise ConfigurationError: a URL is invalid, or the template has no `{schema}` and a schema has no URL of its own
    """
    urls = {}
    for schema in SCHEMAS:
        own = f"{schema.upper()}_DATABASE_URL"
        if text := env.read_text(own):
            urls[schema] = _database_url(own, text)
        elif "{schema}" in template:
            urls[schema] = _database_url("DATABASE_URL", template.replace("{schema}", schema))
        else:
            raise ConfigurationError(
                "DATABASE_URL must hold the placeholder {schema}, such as mysql+pymysql://shop:…@db/storefront_{schema}"
            )
    return urls


def _database_url(name: str, text: str) -> str:
    """A database URL. The error leaves the value out, which may hold a password."""
    try:
        url = make_url(text)
    except (ArgumentError, ValueError):  # not a URL, or its port is no number
        url = make_url("none://")
    if url.drivername == "sqlite" and url.database and url.database != ":memory:":
        # Resolved once: Flask-SQLAlchemy and Alembic resolve relative paths against different folders.
        is_path = not url.database.startswith("file:")
        return text if not is_path or Path(url.database).is_absolute() else f"sqlite:///{Path(url.database).resolve()}"
    if url.drivername in {"mysql+pymysql", "mariadb+pymysql"} and url.database:
        return text
    example = "mysql+pymysql://shop:…@db/storefront_orders or sqlite:////srv/orders.db"
    raise env.invalid_setting(name, "the address of a MySQL, MariaDB or SQLite database", example)


def _catalog_replica(primary: str) -> str:
    """CATALOG_REPLICA_URL: the address of a replica of the catalogue's MariaDB database; empty for none.

    :raise ConfigurationError: it is none, the catalogue is on SQLite, or a replica of another schema is named
    """
    for schema in SCHEMAS:
        name = f"{schema.upper()}_REPLICA_URL"
        if schema != "catalog" and env.read_text(name):
            raise ConfigurationError(f"{name}: only the catalogue is read from a replica, by CATALOG_REPLICA_URL")
    name = "CATALOG_REPLICA_URL"
    if not (text := env.read_text(name)):
        return ""
    url = _database_url(name, text)
    if "sqlite" in {make_url(url).get_backend_name(), make_url(primary).get_backend_name()}:
        raise ConfigurationError(f"{name}: SQLite has no replicas; the catalogue must be on MariaDB")
    if url == primary:
        raise ConfigurationError(f"{name} is the address of the primary database")
    return url


def _secret_key(data_dir: Path, environment: str) -> str:
    """SECRET_KEY; outside production one is generated once and stored in the data folder."""
    if key := os.environ.get("SECRET_KEY"):
        return _long_enough("SECRET_KEY", key, environment)
    if environment == "production":
        raise ConfigurationError("SECRET_KEY must be set in production: `openssl rand -hex 32` makes one")
    path = data_dir / "secret-key"
    try:
        with path.open("x") as file:
            path.chmod(0o600)
            file.write(secrets.token_hex(32))
    except FileExistsError:
        pass
    return path.read_text()


def _long_enough(name: str, key: str, environment: str) -> str:
    if environment == "production" and len(key) < MIN_KEY_LENGTH:
        raise ConfigurationError(
            f"{name} must be {MIN_KEY_LENGTH} characters or longer in production; it has {len(key)}: "
            "`openssl rand -hex 32` makes a good one"
        )
    return key


class Config:
    """All settings; `create_app` reads the upper-case attributes."""

    def __init__(self) -> None:
        env.warn_of_old_names()
        self.ENVIRONMENT = os.environ.get("STOREFRONT_ENV", "development")
        if self.ENVIRONMENT not in {"development", "testing", "production"}:
            must_be = "development, testing or production"
            raise env.invalid_setting("STOREFRONT_ENV", must_be, "production", self.ENVIRONMENT)
        self.is_production = self.ENVIRONMENT == "production"
        self._storage_settings()
        self._origin_settings()
        self._message_settings()
        self._sign_in_settings()
        self._payment_settings()
        self._client_settings()
        self._session_settings()
        self._shop_settings()
        self._price_settings()
        self._eureka_settings()
        self._rate_limit_settings()
        self._monitoring_settings()
        self.WEB_PROCESSES = env.read_whole("WEB_CONCURRENCY", 2, least=1, most=1000)  # of bin/shop's server
        self.HAS_SEVERAL_MACHINES = env.read_choice("MACHINES", ("one", "several"), "one") == "several"
        self.WORKER_ALIVE_FILE = Path(path) if (path := env.read_text("WORKER_ALIVE_FILE")) else None
        self.CACHE_ENABLED = env.read_flag("CACHE_ENABLED", True)

    def _storage_settings(self) -> None:
        """The data folder, databases, Redis, image storage, and the signing keys."""
        self.DATA_DIR = env.read_data_folder("STOREFRONT_DATA", "instance")
        self.SECRET_KEY = _secret_key(self.DATA_DIR, self.ENVIRONMENT)
        # Former keys: what they signed is still accepted, new signatures use SECRET_KEY.
        former = env.read_list("SECRET_KEY_FALLBACKS")
        self.SECRET_KEY_FALLBACKS = [_long_enough("SECRET_KEY_FALLBACKS", key, self.ENVIRONMENT) for key in former]
        self.SQLALCHEMY_BINDS = database_urls(env.read_text("DATABASE_URL", f"sqlite:///{self.DATA_DIR}/{{schema}}.db"))
        self.CATALOG_REPLICA_URL = _catalog_replica(self.SQLALCHEMY_BINDS["catalog"])
        self.REPLICA_MAX_LAG = env.read_whole("REPLICA_MAX_LAG", 5, least=1, most=300)
        self.DATABASE_POOL_SIZE = env.read_whole("DATABASE_POOL_SIZE", 5, least=1, most=MAX_DATABASE_CONNECTIONS)
        self.REDIS_URL = env.read_url("REDIS_URL", ("redis", "rediss"), "redis://localhost:6379/0")
        self.IMAGE_STORAGE = env.read_text("IMAGE_STORAGE")

    def _origin_settings(self) -> None:
        """The public origin, the host names answered, and the proxies in front."""
        example = "https://shop.example"
        if self.is_production and not env.read_text("PUBLIC_ORIGIN"):
            raise ConfigurationError(f"PUBLIC_ORIGIN must be set in production, such as {example}")
        local = f"http://localhost:{env.read_whole('PORT', 9090, least=1, most=env.LAST_PORT)}"
        origin = env.read_text("PUBLIC_ORIGIN", local)
        self.PUBLIC_ORIGIN = env.read_origin("PUBLIC_ORIGIN", origin, example, is_secure=self.is_production)
        self.HTTPS = self.PUBLIC_ORIGIN.startswith("https://")
        # Outside production every host name of the machine is answered. Not Flask's own TRUSTED_HOSTS: Flask would
        # apply that to the health checks, too, which monitoring asks under any name.
        public_host = urlsplit(self.PUBLIC_ORIGIN).hostname or ""
        self.ALLOWED_HOSTS = frozenset({public_host} if self.is_production else ())
        self.PROXY_COUNT = env.read_whole("PROXY_COUNT", 0, most=9)

    def _message_settings(self) -> None:
        """How e-mails and text messages are sent."""
        example = "smtp+tls://user:password@host:587"
        self.MAIL_URL = env.read_url("MAIL_URL", ("smtp", "smtp+tls", "smtps"), example)
        if self.is_production and not self.MAIL_URL:
            raise ConfigurationError(f"MAIL_URL must be set in production, such as {example}")
        parts = urlsplit(self.MAIL_URL)
        if bool(parts.username) != bool(parts.password):
            raise env.invalid_setting(
                "MAIL_URL", "an address with both a user and a password, or with neither", example
            )
        self.SMS_URL = env.read_url("SMS_URL", env.HTTP, "https://sms.example/send")
        # Receivers of webhooks that may have an address inside the network; all others must be public.
        self.WEBHOOK_PRIVATE_HOSTS = env.read_hosts("WEBHOOK_PRIVATE_HOSTS")
        if self.is_production:
            env.refuse_unencrypted("SMS_URL", urlsplit(self.SMS_URL), "codes", "https://")
            if parts.password:
                env.refuse_unencrypted("MAIL_URL", parts, "the password", "smtp+tls:// or smtps://")

    def _client_settings(self) -> None:
        """The Angular client: the folder of its build, and the other origins that may read the API."""
        self.SPA_DIR = Path(folder).resolve() if (folder := env.read_text("SPA_DIR")) else None
        if self.SPA_DIR is not None and not (self.SPA_DIR / "index.html").is_file():
            raise env.invalid_setting(
                "SPA_DIR", "the folder that holds the client's index.html", "/srv/client", str(self.SPA_DIR)
            )
        served = "http://localhost:4200"  # the client's development server, `ng serve`
        example = "https://app.example" if self.is_production else served
        allowed = env.read_list("CORS_ORIGINS", "" if self.is_production else served)
        self.CORS_ORIGINS = frozenset(
            env.read_origin("CORS_ORIGINS", text, example, is_secure=self.is_production) for text in allowed
        )
        self.DEV_CLIENT = env.read_text("DEV_CLIENT")
        if self.DEV_CLIENT and self.is_production:
            raise ConfigurationError(
                "DEV_CLIENT gives every visitor of that origin the same session: it is refused in production"
            )
        if self.DEV_CLIENT:
            self.DEV_CLIENT = env.read_origin("DEV_CLIENT", self.DEV_CLIENT, served, is_secure=False)
            if urlsplit(self.DEV_CLIENT).hostname not in env.THIS_MACHINE:
                raise env.invalid_setting("DEV_CLIENT", "an origin of this machine", served, self.DEV_CLIENT)

    def _payment_settings(self) -> None:
        self.PAYMENT_PROVIDER = env.read_choice(
            "PAYMENT_PROVIDER", ("sandbox", "stripe", "none"), "none" if self.is_production else "sandbox"
        )
        if self.is_production and self.PAYMENT_PROVIDER == "sandbox":
            raise ConfigurationError("PAYMENT_PROVIDER=sandbox charges nothing: it is refused in production")
        self.STRIPE_SECRET_KEY = env.read_secret("STRIPE_SECRET_KEY", ("sk_", "rk_"))
        self.STRIPE_WEBHOOK_SECRET = env.read_secret("STRIPE_WEBHOOK_SECRET", ("whsec_",))
        self.STRIPE_API_BASE = env.read_url("STRIPE_API_BASE", env.HTTP, "http://localhost:8420")
        if self.is_production and self.STRIPE_API_BASE:
            raise ConfigurationError(
                "STRIPE_API_BASE names a test server that charges nothing: it is refused in production"
            )
        if self.PAYMENT_PROVIDER == "stripe" and not (self.STRIPE_SECRET_KEY and self.STRIPE_WEBHOOK_SECRET):
            raise ConfigurationError("PAYMENT_PROVIDER=stripe needs STRIPE_SECRET_KEY and STRIPE_WEBHOOK_SECRET")
        # Nobody confirms a payment by UPI or pay-later: in production they are offered only if configured.
        offered = env.read_list("OFFLINE_PAYMENTS", "cod" if self.is_production else ",".join(OFFLINE_PAYMENTS))
        for code in offered:
            if code not in OFFLINE_PAYMENTS:
                raise env.invalid_setting("OFFLINE_PAYMENTS", f"some of {', '.join(OFFLINE_PAYMENTS)}", "cod,upi", code)
        if self.PAYMENT_PROVIDER == "none" and not offered:
            raise ConfigurationError(
                "OFFLINE_PAYMENTS is empty and PAYMENT_PROVIDER is none: there would be no payment method"
            )
        self.OFFLINE_PAYMENTS = tuple(offered)

    def _sign_in_settings(self) -> None:
        """Sign-in at an OpenID Connect provider."""
        schemes = ("https",) if self.is_production else env.HTTP
        self.OIDC_ISSUER = env.read_url("OIDC_ISSUER", schemes, "https://id.example").rstrip("/")
        self.OIDC_CLIENT_ID = env.read_text("OIDC_CLIENT_ID")
        self.OIDC_CLIENT_SECRET = env.read_text("OIDC_CLIENT_SECRET")
        self.OIDC_NAME = env.read_text("OIDC_NAME", "single sign-on")
        given = (self.OIDC_ISSUER, self.OIDC_CLIENT_ID, self.OIDC_CLIENT_SECRET)
        if any(given) and not all(given):
            raise ConfigurationError("OIDC_ISSUER, OIDC_CLIENT_ID and OIDC_CLIENT_SECRET go together: one is missing")

    def _rate_limit_settings(self) -> None:
        """Rate limits: whether there are any, and what each class of callers may ask of the API in a minute."""
        self.RATELIMIT_ENABLED = env.read_flag("RATELIMIT_ENABLED", True)
        self.RATELIMIT_API_ANONYMOUS = env.read_whole("RATELIMIT_API_ANONYMOUS", 6_000, least=1, most=MAX_REQUESTS)
        self.RATELIMIT_API_SIGNED_IN = env.read_whole("RATELIMIT_API_SIGNED_IN", 3_000, least=1, most=MAX_REQUESTS)
        self.RATELIMIT_API_STAFF = env.read_whole("RATELIMIT_API_STAFF", 6_000, least=1, most=MAX_REQUESTS)
        self.RATELIMIT_API_KEY = env.read_whole(
            "RATELIMIT_API_KEY", 600, least=1, most=60_000
        )  # unless the key says otherwise

    def _session_settings(self) -> None:
        # __Host- binds the cookie to this host and to HTTPS; plain http is for development only.
        self.SESSION_COOKIE_NAME = "__Host-storefront" if self.HTTPS else "storefront"
        self.SESSION_COOKIE_SECURE = self.HTTPS
        self.SESSION_COOKIE_HTTPONLY = True
        self.SESSION_COOKIE_SAMESITE = "Lax"
        self.PERMANENT_SESSION_LIFETIME = 30 * 24 * 3600  # seconds; how long a guest keeps their cart
        self.SESSION_REFRESH_EACH_REQUEST = False  # the cookie is set only when the session changed
        self.WTF_CSRF_TIME_LIMIT = None  # the form of a tab left open overnight must still work
        # Bytes, as in deploy/nginx.conf; routes for uploads have their own.
        self.MAX_CONTENT_LENGTH = self.MAX_FORM_MEMORY_SIZE = 256 * 1024

    def _shop_settings(self) -> None:
        self.SHOP_NAME = env.read_text("SHOP_NAME", "marigold")
        self.SHOP_TAGLINE = os.environ.get("SHOP_TAGLINE", "Good things, honestly priced.")
        self.SHOP_MAIL = env.read_mail_address("SHOP_MAIL", "shop@localhost")
        self.STAFF_MAIL = env.read_mail_address("STAFF_MAIL", self.SHOP_MAIL)
        # The seller on invoices: address lines separated by "|", and the tax number.
        self.SHOP_ADDRESS = env.read_text("SHOP_ADDRESS")
        self.SHOP_TAX_NUMBER = env.read_text("SHOP_TAX_NUMBER")
        self.SHOP_LOCALE = env.read_locale("SHOP_LOCALE", "en_IN")
        self.SHOP_TIMEZONE = env.read_time_zone("SHOP_TIMEZONE", "Asia/Kolkata")

    def _price_settings(self) -> None:
        self.CURRENCY = "INR"
        # The old shop's rule: contract/angular-api.md section 3.
        self.SHIPPING_FEE = env.read_number("SHIPPING_FEE", "500", most=1_000_000, places=2)
        self.FREE_SHIPPING_ABOVE = env.read_number("FREE_SHIPPING_ABOVE", "50000", most=1_000_000_000, places=2)
        self.TAX_RATE = env.read_number("TAX_RATE", "0.18", most=1, places=6)
        # Above either bound, an unpaid order of a buyer who proved no address waits for staff (checkout/approval.py).
        self.UNPROVED_ORDER_MAX_TOTAL = env.read_number(
            "UNPROVED_ORDER_MAX_TOTAL", "200000", most=1_000_000_000, places=2
        )
        self.UNPROVED_ORDER_MAX_UNITS = env.read_whole("UNPROVED_ORDER_MAX_UNITS", 50, most=1_000_000)
        self.DELIVERY_DAYS = env.read_whole("DELIVERY_DAYS", 7, most=365)

    def _eureka_settings(self) -> None:
        """The service registry of the old system, whose gateway finds this shop there: docs/migration.md."""
        self.EUREKA_URLS = env.read_urls("EUREKA_URL", env.HTTP, "http://eureka:8761/eureka")
        self.EUREKA_SERVICES = tuple(env.read_list("EUREKA_SERVICES"))
        self.EUREKA_ADDRESS = env.read_url("EUREKA_ADDRESS", env.HTTP, "http://10.0.0.11:9090").rstrip("/")
        for name in self.EUREKA_SERVICES:
            if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]*", name):
                raise env.invalid_setting(
                    "EUREKA_SERVICES", "names of services, separated by commas", "CART-SERVICE", name
                )
        given = (self.EUREKA_URLS, self.EUREKA_SERVICES, self.EUREKA_ADDRESS)
        if any(given) and not all(given):
            raise ConfigurationError("EUREKA_URL, EUREKA_SERVICES and EUREKA_ADDRESS go together: one is missing")

    def _monitoring_settings(self) -> None:
        """Where metrics are served, and how logs are written."""
        self.METRICS_PORT = env.read_port("METRICS_PORT", 0)
        after = self.METRICS_PORT + 1 if 0 < self.METRICS_PORT < env.LAST_PORT else 0
        self.WORKER_METRICS_PORT = env.read_port("WORKER_METRICS_PORT", after)
        self.METRICS_HOST = env.read_ip_address("METRICS_HOST", "127.0.0.1")
        self.METRICS_TOKEN = env.read_text("METRICS_TOKEN")
        if self.METRICS_TOKEN:
            _long_enough("METRICS_TOKEN", self.METRICS_TOKEN, self.ENVIRONMENT)
        self.LOG_FORMAT = env.read_choice("LOG_FORMAT", ("json", "text"), "json" if self.is_production else "text")
        self.LOG_REQUESTS = env.read_choice("LOG_REQUESTS", ("all", "problems", "none"), "problems")

    def as_mapping(self) -> dict[str, Any]:
        """All settings by name, for `app.config`."""
        return {name: value for name, value in vars(self).items() if name.isupper()}
