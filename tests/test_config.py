"""What the environment asks for, and what is refused before anything is sold."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest

from config import SCHEMAS, Config, ConfigurationError
from tests.own import shop_at

NAMES = ("DATABASE_URL", "SECRET_KEY", "MAIL_URL", "PAYMENT_PROVIDER", "PUBLIC_ORIGIN", "PORT", "PROXY_COUNT")
NAMES += (
    "OFFLINE_PAYMENTS",
    "STRIPE_SECRET_KEY",
    "STRIPE_WEBHOOK_SECRET",
    "STRIPE_API_BASE",
    "CORS_ORIGINS",
    "SPA_DIR",
)


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in (*NAMES, "STOREFRONT_ENV", "SHIPPING_FEE", *(f"{schema.upper()}_DATABASE_URL" for schema in SCHEMAS)):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("STOREFRONT_DATA", str(tmp_path / "data"))


@pytest.fixture
def production(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STOREFRONT_ENV", "production")
    monkeypatch.setenv("SECRET_KEY", "long-and-random")
    monkeypatch.setenv("MAIL_URL", "smtp://localhost:25")


def test_a_shop_without_any_setting_is_one_to_try_out(tmp_path: Path) -> None:
    config = Config()
    assert config.ENVIRONMENT == "development"
    assert config.SQLALCHEMY_BINDS["cart"] == f"sqlite:///{tmp_path}/data/cart.db"
    assert list(config.SQLALCHEMY_BINDS) == list(SCHEMAS)
    assert (config.PAYMENT_PROVIDER, config.MAIL_URL) == ("sandbox", "")
    assert (config.PUBLIC_ORIGIN, config.HTTPS) == ("http://localhost:9090", False)


def test_one_template_names_six_databases(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "mysql+pymysql://shop@db/shop_{schema}")
    assert Config().SQLALCHEMY_BINDS["orders"] == "mysql+pymysql://shop@db/shop_orders"


def test_a_schema_may_live_elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "mysql+pymysql://shop@db/shop_{schema}")
    monkeypatch.setenv("PAYMENTS_DATABASE_URL", "mysql+pymysql://payments@safe/payments")
    binds = Config().SQLALCHEMY_BINDS
    assert binds["payments"] == "mysql+pymysql://payments@safe/payments"
    assert binds["orders"] == "mysql+pymysql://shop@db/shop_orders"


def test_one_database_for_six_schemas_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "mysql+pymysql://shop@db/shop")
    with pytest.raises(ConfigurationError, match="schema"):
        Config()


def test_a_template_is_not_needed_where_every_schema_has_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "unused")
    for schema in SCHEMAS:
        monkeypatch.setenv(f"{schema.upper()}_DATABASE_URL", f"sqlite:///{schema}.db")
    assert Config().SQLALCHEMY_BINDS["cart"] == "sqlite:///cart.db"


def test_the_secret_of_a_development_shop_is_made_once_and_kept_to_itself(tmp_path: Path) -> None:
    first = Config().SECRET_KEY
    assert first == Config().SECRET_KEY
    assert len(first) == 64
    assert (tmp_path / "data" / "secret-key").stat().st_mode & 0o777 == 0o600


def test_a_secret_given_is_the_one_used(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("SECRET_KEY", "given")
    assert Config().SECRET_KEY == "given"
    assert not (tmp_path / "data").exists()


@pytest.mark.usefixtures("production")
def test_production_offers_no_pretended_payment() -> None:
    config = Config()
    assert (config.PAYMENT_PROVIDER, config.OFFLINE_PAYMENTS) == ("none", ("cod",))


def test_a_shop_to_try_out_offers_every_way_to_pay() -> None:
    assert Config().OFFLINE_PAYMENTS == ("cod", "upi", "bnpl")


@pytest.mark.usefixtures("production")
def test_a_real_shop_offers_upi_and_pay_later_when_it_asks_for_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OFFLINE_PAYMENTS", "upi, cod")
    assert Config().OFFLINE_PAYMENTS == ("upi", "cod")


@pytest.mark.parametrize(("name", "value"), [("PAYMENT_PROVIDER", "paypal"), ("OFFLINE_PAYMENTS", "cod,cheque")])
def test_a_way_to_pay_that_nobody_knows_is_refused(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(ConfigurationError, match=name):
        Config()


@pytest.mark.parametrize("missing", ["STRIPE_SECRET_KEY", "STRIPE_WEBHOOK_SECRET"])
def test_stripe_needs_both_its_secrets(monkeypatch: pytest.MonkeyPatch, missing: str) -> None:
    monkeypatch.setenv("PAYMENT_PROVIDER", "stripe")
    for name in {"STRIPE_SECRET_KEY", "STRIPE_WEBHOOK_SECRET"} - {missing}:
        monkeypatch.setenv(name, "given")
    with pytest.raises(ConfigurationError, match=missing):
        Config()


@pytest.mark.usefixtures("production")
@pytest.mark.parametrize(("name", "value"), [("SECRET_KEY", None), ("MAIL_URL", None), ("PAYMENT_PROVIDER", "sandbox")])
def test_production_refuses_to_start_unsafely(monkeypatch: pytest.MonkeyPatch, name: str, value: str | None) -> None:
    if value is None:
        monkeypatch.delenv(name)
    else:
        monkeypatch.setenv(name, value)
    with pytest.raises(ConfigurationError, match=name):
        Config()


def test_an_environment_that_is_none_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STOREFRONT_ENV", "staging")
    with pytest.raises(ConfigurationError, match="STOREFRONT_ENV"):
        Config()


def test_an_https_origin_makes_the_cookie_secure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PUBLIC_ORIGIN", "https://shop.example")
    config = Config()
    assert (config.SESSION_COOKIE_NAME, config.SESSION_COOKIE_SECURE) == ("__Host-storefront", True)


def test_prices_are_the_shops_to_choose_to_the_paisa(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHIPPING_FEE", "49.50")
    assert Decimal("49.50") == Config().SHIPPING_FEE


@pytest.mark.parametrize(("environment", "status"), [("development", 200), ("production", 404)])
def test_the_letters_of_a_shop_are_read_by_nobody_in_production(tmp_path: Path, environment: str, status: int) -> None:
    settings = {"MAIL_URL": "smtp://localhost:25"} if environment == "production" else {}
    url = f"sqlite:///{tmp_path}/{{schema}}.db"
    with shop_at(url, tmp_path, STOREFRONT_ENV=environment, **settings) as app:
        assert app.test_client().get("/dev/mail").status_code == status


def test_other_origins_may_read_the_api_when_they_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    assert {"http://localhost:4200"} == Config().CORS_ORIGINS
    monkeypatch.setenv("CORS_ORIGINS", "https://app.example/, http://localhost:4201")
    assert {"https://app.example", "http://localhost:4201"} == Config().CORS_ORIGINS
    monkeypatch.setenv("CORS_ORIGINS", "")
    assert frozenset() == Config().CORS_ORIGINS


def test_in_production_no_other_origin_reads_the_api_unless_it_is_named(
    production: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert frozenset() == Config().CORS_ORIGINS
    monkeypatch.setenv("CORS_ORIGINS", "https://app.example")
    assert {"https://app.example"} == Config().CORS_ORIGINS
    monkeypatch.setenv("CORS_ORIGINS", "https://app.example,http://localhost:4200")
    with pytest.raises(ConfigurationError, match="https"):
        Config()


def test_the_development_server_of_the_client_is_trusted_on_a_developers_machine_only(
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
