"""The configuration from environment variables, and invalid settings that are refused at start-up."""

from __future__ import annotations

import re
import subprocess
import sys
from decimal import Decimal
from pathlib import Path

import pytest

import config as config_module
from config import MAX_DATABASE_CONNECTIONS, RENAMED, SCHEMAS, Config, ConfigurationError
from storefront.db import session
from tests.isolated_shop import PRODUCTION, shop_at

ROOT = Path(config_module.__file__).parent
NAMES = {*re.findall(r'"([A-Z]+(?:_[A-Z]+)*)"', (ROOT / "config.py").read_text())} - {"INR"}
NAMES |= {"PORT", *(f"{schema.upper()}_DATABASE_URL" for schema in SCHEMAS)}


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in NAMES:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("STOREFRONT_DATA", str(tmp_path / "data"))


@pytest.fixture
def production(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in PRODUCTION.items():
        monkeypatch.setenv(name, value)


def test_without_settings_the_shop_is_a_development_shop(tmp_path: Path) -> None:
    config = Config()
    assert config.ENVIRONMENT == "development"
    assert config.SQLALCHEMY_BINDS["cart"] == f"sqlite:///{tmp_path}/data/cart.db"
    assert list(config.SQLALCHEMY_BINDS) == list(SCHEMAS)
    assert (config.PAYMENT_PROVIDER, config.MAIL_URL) == ("sandbox", "")
    assert (config.PUBLIC_ORIGIN, config.HTTPS) == ("http://localhost:9090", False)


def test_one_template_names_six_databases(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "mysql+pymysql://shop@db/shop_{schema}")
    assert Config().SQLALCHEMY_BINDS["orders"] == "mysql+pymysql://shop@db/shop_orders"


def test_a_schema_can_have_a_database_elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "mysql+pymysql://shop@db/shop_{schema}")
    monkeypatch.setenv("PAYMENTS_DATABASE_URL", "mysql+pymysql://payments@safe/payments")
    binds = Config().SQLALCHEMY_BINDS
    assert binds["payments"] == "mysql+pymysql://payments@safe/payments"
    assert binds["orders"] == "mysql+pymysql://shop@db/shop_orders"


def test_one_database_for_six_schemas_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "mysql+pymysql://shop@db/shop")
    with pytest.raises(ConfigurationError, match="schema"):
        Config()


def test_no_template_is_needed_if_every_schema_has_a_url(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "unused")
    for schema in SCHEMAS:
        monkeypatch.setenv(f"{schema.upper()}_DATABASE_URL", f"sqlite:///{schema}.db")
    assert Config().SQLALCHEMY_BINDS["cart"] == f"sqlite:///{Path.cwd()}/cart.db"


def test_a_development_secret_is_generated_once_and_readable_by_its_owner_only(tmp_path: Path) -> None:
    first = Config().SECRET_KEY
    assert first == Config().SECRET_KEY
    assert len(first) == 64
    assert (tmp_path / "data" / "secret-key").stat().st_mode & 0o777 == 0o600


def test_a_configured_secret_is_used(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("SECRET_KEY", "given")
    assert Config().SECRET_KEY == "given"
    assert not (tmp_path / "data" / "secret-key").exists()


@pytest.mark.usefixtures("production")
def test_production_offers_no_simulated_payment() -> None:
    config = Config()
    assert (config.PAYMENT_PROVIDER, config.OFFLINE_PAYMENTS) == ("none", ("cod",))


def test_a_development_shop_offers_every_payment_option() -> None:
    assert Config().OFFLINE_PAYMENTS == ("cod", "upi", "bnpl")


@pytest.mark.usefixtures("production")
def test_a_production_shop_offers_upi_and_pay_later_if_configured(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OFFLINE_PAYMENTS", "upi, cod")
    assert Config().OFFLINE_PAYMENTS == ("upi", "cod")


@pytest.mark.parametrize(("name", "value"), [("PAYMENT_PROVIDER", "paypal"), ("OFFLINE_PAYMENTS", "cod,cheque")])
def test_an_unknown_payment_option_is_refused(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(ConfigurationError, match=name):
        Config()


@pytest.mark.parametrize("missing", ["STRIPE_SECRET_KEY", "STRIPE_WEBHOOK_SECRET"])
def test_stripe_needs_both_secrets(monkeypatch: pytest.MonkeyPatch, missing: str) -> None:
    monkeypatch.setenv("PAYMENT_PROVIDER", "stripe")
    for name in {"STRIPE_SECRET_KEY", "STRIPE_WEBHOOK_SECRET"} - {missing}:
        monkeypatch.setenv(name, {"STRIPE_SECRET_KEY": "sk_live_1", "STRIPE_WEBHOOK_SECRET": "whsec_1"}[name])
    with pytest.raises(ConfigurationError, match=missing):
        Config()


@pytest.mark.usefixtures("production")
@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("SECRET_KEY", None),
        ("SECRET_KEY", "long-and-random"),
        ("SECRET_KEY_FALLBACKS", f"{'x' * 32},short"),
        ("MAIL_URL", None),
        ("PUBLIC_ORIGIN", None),
        ("PUBLIC_ORIGIN", "http://shop.example"),
        ("PAYMENT_PROVIDER", "sandbox"),
        ("STRIPE_API_BASE", "http://localhost:8420"),
        ("OFFLINE_PAYMENTS", ""),
        ("OIDC_ISSUER", "http://id.example"),
    ],
)
def test_production_refuses_to_start_unsafely(monkeypatch: pytest.MonkeyPatch, name: str, value: str | None) -> None:
    if value is None:
        monkeypatch.delenv(name)
    else:
        monkeypatch.setenv(name, value)
    with pytest.raises(ConfigurationError, match=name):
        Config()


def test_an_unknown_environment_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STOREFRONT_ENV", "staging")
    with pytest.raises(ConfigurationError, match="STOREFRONT_ENV"):
        Config()


def test_an_https_origin_makes_the_cookie_secure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PUBLIC_ORIGIN", "https://shop.example")
    config = Config()
    assert (config.SESSION_COOKIE_NAME, config.SESSION_COOKIE_SECURE) == ("__Host-storefront", True)


def test_the_shipping_fee_is_configurable_to_the_paisa(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHIPPING_FEE", "49.50")
    assert Decimal("49.50") == Config().SHIPPING_FEE


@pytest.mark.parametrize(("environment", "status"), [("development", 200), ("production", 404)])
def test_emails_cannot_be_read_in_production(tmp_path: Path, environment: str, status: int) -> None:
    settings = {**PRODUCTION, "MAIL_URL": PRODUCTION["MAIL_URL"] if environment == "production" else ""}
    url = f"sqlite:///{tmp_path}/{{schema}}.db"
    with shop_at(url, tmp_path, **{**settings, "STOREFRONT_ENV": environment}) as app:
        page = app.test_client().get("/dev/mail", base_url=PRODUCTION["PUBLIC_ORIGIN"])
        assert page.status_code == status


def test_configured_origins_may_read_the_api(monkeypatch: pytest.MonkeyPatch) -> None:
    assert {"http://localhost:4200"} == Config().CORS_ORIGINS
    monkeypatch.setenv("CORS_ORIGINS", "https://app.example/, http://localhost:4201")
    assert {"https://app.example", "http://localhost:4201"} == Config().CORS_ORIGINS
    monkeypatch.setenv("CORS_ORIGINS", "")
    assert frozenset() == Config().CORS_ORIGINS


def test_in_production_only_configured_origins_may_read_the_api(
    production: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert frozenset() == Config().CORS_ORIGINS
    monkeypatch.setenv("CORS_ORIGINS", "https://app.example")
    assert {"https://app.example"} == Config().CORS_ORIGINS
    monkeypatch.setenv("CORS_ORIGINS", "https://app.example,http://localhost:4200")
    with pytest.raises(ConfigurationError, match="https"):
        Config()


def test_the_clients_development_server_is_trusted_in_development_only(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert Config().DEV_CLIENT == ""
    monkeypatch.setenv("DEV_CLIENT", "http://localhost:4200/")
    assert Config().DEV_CLIENT == "http://localhost:4200"
    monkeypatch.setenv("DEV_CLIENT", "http://client.example:4200")
    with pytest.raises(ConfigurationError, match="this machine"):
        Config()


def test_in_production_no_development_server_is_trusted(production: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DEV_CLIENT", "http://localhost:4200")
    with pytest.raises(ConfigurationError, match="refused in production"):
        Config()


def test_a_build_of_the_client_has_an_index(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert Config().SPA_DIR is None
    monkeypatch.setenv("SPA_DIR", str(tmp_path))
    with pytest.raises(ConfigurationError, match=r"index\.html"):
        Config()
    (tmp_path / "index.html").touch()
    assert tmp_path.resolve() == Config().SPA_DIR


# ------------------------------------------------------------------------- what looks right and could not work

WRONG = [
    ("PUBLIC_ORIGIN", "shop.example"),
    ("PUBLIC_ORIGIN", "https://shop.example/shop"),
    ("PUBLIC_ORIGIN", "https://shop.example?here"),
    ("PUBLIC_ORIGIN", "https://me@shop.example"),
    ("PUBLIC_ORIGIN", "https://"),
    ("PUBLIC_ORIGIN", "https://shop.example:web"),
    ("PUBLIC_ORIGIN", "https://[::1"),
    ("PUBLIC_ORIGIN", "https://blüten.example"),
    ("PORT", "web"),
    ("SHOP_LOCALE", "xx_YY"),
    ("SHOP_LOCALE", "en-IN"),
    ("SHOP_TIMEZONE", "Mars"),
    ("SHOP_TIMEZONE", "/etc/passwd"),
    ("SHOP_TIMEZONE", "Asia"),
    ("TAX_RATE", "abc"),
    ("TAX_RATE", "18"),
    ("TAX_RATE", "-0.18"),
    ("TAX_RATE", "NaN"),
    ("SHIPPING_FEE", "Infinity"),
    ("SHIPPING_FEE", "49.505"),
    ("SHIPPING_FEE", "1e3"),
    ("FREE_SHIPPING_ABOVE", "50,000"),
    ("DELIVERY_DAYS", "soon"),
    ("DELIVERY_DAYS", "2.5"),
    ("DELIVERY_DAYS", "\N{ARABIC-INDIC DIGIT SEVEN}"),
    ("PROXY_COUNT", "-1"),
    ("DATABASE_POOL_SIZE", "0"),
    ("DATABASE_POOL_SIZE", str(MAX_DATABASE_CONNECTIONS + 1)),
    ("RATELIMIT_ENABLED", "ture"),
    ("CACHE_ENABLED", "2"),
    ("SHOP_MAIL", "shop"),
    ("STAFF_MAIL", "a@shop.example, b@shop.example"),
    ("CORS_ORIGINS", "*"),
    ("CORS_ORIGINS", "https://app.example/list"),
    ("CORS_ORIGINS", "app.example"),
    ("OFFLINE_PAYMENTS", "cod,cheque"),
    ("DEV_CLIENT", "localhost:4200"),
    ("SPA_DIR", "/nowhere"),
    ("STOREFRONT_DATA", "/proc/nowhere"),
    ("STOREFRONT_DATA", "/dev/null"),
]


@pytest.mark.parametrize(("name", "value"), WRONG)
def test_an_invalid_setting_is_reported_with_its_value_and_an_example(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(ConfigurationError, match=rf"^{name} must be .+, such as .+; it is “") as refused:
        Config()
    assert any(part.strip() in str(refused.value).rpartition("; it is ")[2] for part in value.split(",", 1))


HOLDING_SECRETS = [
    ("MAIL_URL", "hush@host:25"),
    ("MAIL_URL", "http://u:hush@host"),
    ("MAIL_URL", "smtp://u:hush@"),
    ("MAIL_URL", "smtp://u:hush@host:web"),
    ("MAIL_URL", "smtp://hush@host"),
    ("DATABASE_URL", "mysql://shop:hush@db/shop_{schema}"),
    ("DATABASE_URL", "postgresql://shop:hush@db/shop_{schema}"),
    ("DATABASE_URL", "mysql+pymysql://shop:hush@db:web/shop_{schema}"),
    ("DATABASE_URL", "hush {schema}"),
    ("DATABASE_URL", "sqlite://{schema}hush"),
    ("ORDERS_DATABASE_URL", "mysql+pymysql://shop:hush@db"),
    ("ORDERS_DATABASE_URL", "sqlite://"),
    ("ORDERS_DATABASE_URL", "sqlite:///:memory:"),
    ("REDIS_URL", "hush:6379"),
    ("REDIS_URL", "http://:hush@redis"),
    ("SMS_URL", "ftp://hush@sms.example"),
    ("OIDC_ISSUER", "hush.example"),
    ("STRIPE_SECRET_KEY", "pk_live_hush"),
    ("STRIPE_WEBHOOK_SECRET", "sk_hush"),
    ("STRIPE_API_BASE", "hush"),
]


@pytest.mark.parametrize(("name", "value"), HOLDING_SECRETS)
def test_the_value_of_a_secret_setting_is_not_reported(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(ConfigurationError, match=rf"^{name} must be .+, such as .+") as refused:
        Config()
    assert "hush" not in str(refused.value)


@pytest.mark.usefixtures("production")
def test_the_value_of_a_short_key_is_not_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET_KEY", "hush")
    with pytest.raises(ConfigurationError, match="it has 4") as refused:
        Config()
    assert "hush" not in str(refused.value)


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("https://shop.example/", "https://shop.example"),
        (" https://Shop.Example:443 ", "https://shop.example"),
        ("https://shop.example:8443", "https://shop.example:8443"),
        ("http://localhost:80", "http://localhost"),
        ("http://[::1]:9090", "http://[::1]:9090"),
    ],
)
def test_an_origin_is_normalised_as_browsers_write_it(monkeypatch: pytest.MonkeyPatch, given: str, kept: str) -> None:
    monkeypatch.setenv("PUBLIC_ORIGIN", given)
    assert kept == Config().PUBLIC_ORIGIN


@pytest.mark.usefixtures("production")
@pytest.mark.parametrize("name", sorted(NAMES - set(PRODUCTION) - {"OFFLINE_PAYMENTS"}))
def test_a_blank_setting_counts_as_unset(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str) -> None:
    monkeypatch.chdir(tmp_path)
    expected = Config().as_mapping() | ({"SHOP_TAGLINE": ""} if name == "SHOP_TAGLINE" else {})
    monkeypatch.setenv(name, "")
    if name == "STOREFRONT_DATA":
        assert tmp_path / "instance" == Config().DATA_DIR
    else:
        assert Config().as_mapping() == expected


def test_an_issuer_needs_client_credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OIDC_CLIENT_ID", "shop")
    with pytest.raises(ConfigurationError, match="OIDC_ISSUER"):
        Config()


def test_the_configured_connection_limit_is_that_of_the_session() -> None:
    assert MAX_DATABASE_CONNECTIONS == session.MAX_CONNECTIONS


def test_a_relative_path_is_the_same_file_for_migrations_and_shop(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DATABASE_URL", "sqlite:///kept/{schema}.db")
    assert Config().SQLALCHEMY_BINDS["cart"] == f"sqlite:///{tmp_path}/kept/cart.db"


@pytest.mark.parametrize("name", ["TAX_RATE", "PICTURE_STORE"])
def test_a_configuration_error_is_one_line_in_the_terminal(tmp_path: Path, name: str) -> None:
    environment = {"STOREFRONT_DATA": str(tmp_path), name: "abc"}
    command = [sys.executable, "-m", "flask", "--app", "wsgi", "doctor"]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (3, "")
    (line,) = done.stderr.splitlines()
    assert line.startswith(f"storefront: {name} must be ")


def test_every_setting_is_documented() -> None:
    documented = (ROOT / "docs" / "running.md").read_text()
    ours = NAMES - {f"{schema.upper()}_DATABASE_URL" for schema in SCHEMAS}
    assert [name for name in sorted(ours) if f"`{name}`" not in documented] == []


# -------------------------------------------------------------------------------------- settings that were renamed


def test_a_setting_is_still_read_by_its_old_name_with_a_warning(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("CACHE_COUNTS", "0")
    assert Config().CACHE_ENABLED is False
    assert "the setting CACHE_COUNTS is called CACHE_ENABLED now" in caplog.text
    monkeypatch.setenv("CACHE_ENABLED", "1")
    assert Config().CACHE_ENABLED is True


def test_every_renamed_setting_has_a_current_name() -> None:
    config = Config()
    assert all(hasattr(config, new) and not hasattr(config, old) for old, new in RENAMED.items())
