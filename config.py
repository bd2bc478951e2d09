"""Configuration, read from the environment once at start-up. README.md lists every variable."""

import os
import secrets
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

SCHEMAS = ("accounts", "catalog", "cart", "checkout", "orders", "payments")
OFFLINE_PAYMENTS = ("cod", "upi", "bnpl")


class ConfigurationError(RuntimeError):
    """The environment asks for something this application refuses to start with."""


def _environment_secret(data_dir: Path, environment: str) -> str:
    """SECRET_KEY; outside production one is made once and kept in the data folder."""
    if key := os.environ.get("SECRET_KEY"):
        return key
    if environment == "production":
        raise ConfigurationError("SECRET_KEY must be set in production")
    data_dir.mkdir(parents=True, exist_ok=True)
    path = data_dir / "secret-key"
    try:
        with path.open("x") as file:
            path.chmod(0o600)
            file.write(secrets.token_hex(32))
    except FileExistsError:
        pass
    return path.read_text()


def database_urls(template: str) -> dict[str, str]:
    """One URL a schema: `<SCHEMA>_DATABASE_URL` if set, else the template with `{schema}` filled in.

    :raise ConfigurationError: the template has no `{schema}` and a schema has no URL of its own
    """
    urls = {}
    for schema in SCHEMAS:
        own = os.environ.get(f"{schema.upper()}_DATABASE_URL")
        if own is None and "{schema}" not in template:
            raise ConfigurationError("DATABASE_URL must hold the placeholder {schema}")
        urls[schema] = own or template.replace("{schema}", schema)
    return urls


def _flag(name: str, default: bool) -> bool:
    return os.environ.get(name, str(default)).lower() in {"1", "true", "yes", "on"}


class Config:
    """What the shop runs with; `create_app` reads the upper-case attributes."""

    def __init__(self) -> None:
        self.ENVIRONMENT = os.environ.get("STOREFRONT_ENV", "development")
        if self.ENVIRONMENT not in {"development", "testing", "production"}:
            raise ConfigurationError("STOREFRONT_ENV must be development, testing or production")
        data_dir = Path(os.environ.get("STOREFRONT_DATA", "instance")).resolve()
        self.DATA_DIR = data_dir
        self.SECRET_KEY = _environment_secret(data_dir, self.ENVIRONMENT)
        # Keys that were in use before: what they signed is still taken, new things are signed by the present one.
        self.SECRET_KEY_FALLBACKS = [key for key in os.environ.get("SECRET_KEY_FALLBACKS", "").split(",") if key]
        template = os.environ.get("DATABASE_URL", f"sqlite:///{data_dir}/{{schema}}.db")
        self.SQLALCHEMY_BINDS = database_urls(template)
        self.DATABASE_POOL_SIZE = int(os.environ.get("DATABASE_POOL_SIZE", "5"))
        self.REDIS_URL = os.environ.get("REDIS_URL", "")
        self.MAIL_URL = os.environ.get("MAIL_URL", "")
        if self.ENVIRONMENT == "production" and not self.MAIL_URL:
            raise ConfigurationError("MAIL_URL must be set in production, such as smtp://user:password@host:587")
        self.SMS_URL = os.environ.get("SMS_URL", "")
        self._sign_in_settings()
        self._payment_settings()
        self.PUBLIC_ORIGIN = os.environ.get("PUBLIC_ORIGIN", f"http://localhost:{os.environ.get('PORT', '9090')}")
        self._client_settings()
        self.HTTPS = self.PUBLIC_ORIGIN.startswith("https://")
        # A shop being tried answers to every name of its machine; a real one to its own.
        own_name = urlsplit(self.PUBLIC_ORIGIN).hostname or ""
        self.KNOWN_HOSTS = frozenset({own_name} if self.ENVIRONMENT == "production" else ())
        self.PROXY_COUNT = int(os.environ.get("PROXY_COUNT", "0"))
        self.RATELIMIT_ENABLED = _flag("RATELIMIT_ENABLED", True)
        self.CACHE_COUNTS = _flag("CACHE_COUNTS", True)
        self._session_settings()
        self._shop_settings()

    def _client_settings(self) -> None:
        """The old client: where its files lie, and from which other origins its pages may read the API."""
        is_production = self.ENVIRONMENT == "production"
        self.SPA_DIR = Path(folder).resolve() if (folder := os.environ.get("SPA_DIR")) else None
        if self.SPA_DIR is not None and not (self.SPA_DIR / "index.html").is_file():
            raise ConfigurationError("SPA_DIR must name the folder that holds the client's index.html")
        # The client's own development server, `ng serve`.
        allowed = os.environ.get("CORS_ORIGINS", "" if is_production else "http://localhost:4200")
        self.CORS_ORIGINS = frozenset(origin.strip().rstrip("/") for origin in allowed.split(",") if origin.strip())
        if is_production and not all(origin.startswith("https://") for origin in self.CORS_ORIGINS):
            raise ConfigurationError("CORS_ORIGINS must begin with https:// in production")
        self.DEV_CLIENT = os.environ.get("DEV_CLIENT", "").rstrip("/")
        if self.DEV_CLIENT and is_production:
            raise ConfigurationError(
                "DEV_CLIENT gives whoever comes from there one session: it is refused in production"
            )
        if self.DEV_CLIENT and urlsplit(self.DEV_CLIENT).hostname not in {"localhost", "127.0.0.1", "::1"}:
            raise ConfigurationError("DEV_CLIENT must be an origin of this machine, such as http://localhost:4200")

    def _payment_settings(self) -> None:
        is_production = self.ENVIRONMENT == "production"
        self.PAYMENT_PROVIDER = os.environ.get("PAYMENT_PROVIDER", "none" if is_production else "sandbox")
        if self.PAYMENT_PROVIDER not in {"sandbox", "stripe", "none"}:
            raise ConfigurationError("PAYMENT_PROVIDER must be sandbox, stripe or none")
        if is_production and self.PAYMENT_PROVIDER == "sandbox":
            raise ConfigurationError("PAYMENT_PROVIDER=sandbox takes no money: it is refused in production")
        self.STRIPE_SECRET_KEY = os.environ.get("STRIPE_SECRET_KEY", "")
        self.STRIPE_WEBHOOK_SECRET = os.environ.get("STRIPE_WEBHOOK_SECRET", "")
        self.STRIPE_API_BASE = os.environ.get("STRIPE_API_BASE", "")
        if self.PAYMENT_PROVIDER == "stripe" and not (self.STRIPE_SECRET_KEY and self.STRIPE_WEBHOOK_SECRET):
            raise ConfigurationError("PAYMENT_PROVIDER=stripe needs STRIPE_SECRET_KEY and STRIPE_WEBHOOK_SECRET")
        # UPI and pay-later are promised, not proved: a real shop offers them only if it asks for them.
        offered = os.environ.get("OFFLINE_PAYMENTS", "cod" if is_production else ",".join(OFFLINE_PAYMENTS))
        self.OFFLINE_PAYMENTS = tuple(code.strip() for code in offered.split(",") if code.strip())
        if unknown := set(self.OFFLINE_PAYMENTS) - set(OFFLINE_PAYMENTS):
            raise ConfigurationError(f"OFFLINE_PAYMENTS knows no {', '.join(sorted(unknown))}")

    def _sign_in_settings(self) -> None:
        """Another way to sign in, at an OpenID Connect provider."""
        self.OIDC_ISSUER = os.environ.get("OIDC_ISSUER", "").rstrip("/")
        self.OIDC_CLIENT_ID = os.environ.get("OIDC_CLIENT_ID", "")
        self.OIDC_CLIENT_SECRET = os.environ.get("OIDC_CLIENT_SECRET", "")
        self.OIDC_NAME = os.environ.get("OIDC_NAME", "single sign-on")
        if self.OIDC_ISSUER and not (self.OIDC_CLIENT_ID and self.OIDC_CLIENT_SECRET):
            raise ConfigurationError("OIDC_ISSUER needs OIDC_CLIENT_ID and OIDC_CLIENT_SECRET")

    def _session_settings(self) -> None:
        # __Host- binds the cookie to this host and to HTTPS; plain http is for development only.
        self.SESSION_COOKIE_NAME = "__Host-storefront" if self.HTTPS else "storefront"
        self.SESSION_COOKIE_SECURE = self.HTTPS
        self.SESSION_COOKIE_HTTPONLY = True
        self.SESSION_COOKIE_SAMESITE = "Lax"
        self.PERMANENT_SESSION_LIFETIME = 30 * 24 * 3600  # seconds a guest's cart is remembered
        self.SESSION_REFRESH_EACH_REQUEST = False  # pages that change nothing set no cookie
        self.WTF_CSRF_TIME_LIMIT = None  # a tab left open overnight must still be able to buy
        self.MAX_CONTENT_LENGTH = 1024 * 1024  # bytes; no form of the shop comes near it
        self.MAX_FORM_MEMORY_SIZE = 256 * 1024

    def _shop_settings(self) -> None:
        self.PICTURE_STORE = os.environ.get("PICTURE_STORE", "")
        self.SHOP_NAME = os.environ.get("SHOP_NAME", "marigold")
        self.SHOP_TAGLINE = os.environ.get("SHOP_TAGLINE", "Good things, honestly priced.")
        self.SHOP_MAIL = os.environ.get("SHOP_MAIL", "shop@localhost")
        self.STAFF_MAIL = os.environ.get("STAFF_MAIL", self.SHOP_MAIL)
        # Who sells, as an invoice must say: an address, its lines parted by "|", and the number of the tax office.
        self.SHOP_ADDRESS = os.environ.get("SHOP_ADDRESS", "")
        self.SHOP_TAX_NUMBER = os.environ.get("SHOP_TAX_NUMBER", "")
        self.SHOP_LOCALE = os.environ.get("SHOP_LOCALE", "en_IN")
        self.SHOP_TIMEZONE = os.environ.get("SHOP_TIMEZONE", "Asia/Kolkata")
        self.CURRENCY = "INR"
        # The old shop's rule: contract/angular-api.md section 3.
        self.SHIPPING_FEE = Decimal(os.environ.get("SHIPPING_FEE", "500"))
        self.FREE_SHIPPING_ABOVE = Decimal(os.environ.get("FREE_SHIPPING_ABOVE", "50000"))
        self.TAX_RATE = Decimal(os.environ.get("TAX_RATE", "0.18"))
        self.DELIVERY_DAYS = int(os.environ.get("DELIVERY_DAYS", "7"))

    def as_mapping(self) -> dict[str, Any]:
        """Every setting by its name, as Flask's config takes them."""
        return {name: value for name, value in vars(self).items() if name.isupper()}
