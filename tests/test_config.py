"""Settings read from the environment, and the ones refused at start-up."""

from __future__ import annotations

import re
import subprocess
import sys
from decimal import Decimal
from pathlib import Path

import pytest

import config as config_module
from config import MAX_DATABASE_CONNECTIONS, SCHEMAS, Config
from storefront.core.environment import RENAMED, ConfigurationError
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


def test_without_any_setting_the_shop_is_a_development_shop(tmp_path: Path) -> None:
    config = Config()
    assert config.ENVIRONMENT == "development"
    assert config.SQLALCHEMY_BINDS["cart"] == f"sqlite:///{tmp_path}/data/cart.db"
    assert list(config.SQLALCHEMY_BINDS) == list(SCHEMAS)
    assert (config.PAYMENT_PROVIDER, config.MAIL_URL) == ("sandbox", "")
    assert (config.PUBLIC_ORIGIN, config.HTTPS) == ("http://localhost:9090", False)


def test_one_template_names_every_database(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "mysql+pymysql://shop@db/shop_{schema}")
    assert Config().SQLALCHEMY_BINDS["orders"] == "mysql+pymysql://shop@db/shop_orders"


def test_a_schema_may_have_a_database_url_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "mysql+pymysql://shop@db/shop_{schema}")
    monkeypatch.setenv("PAYMENTS_DATABASE_URL", "mysql+pymysql://payments@safe/payments")
    binds = Config().SQLALCHEMY_BINDS
    assert binds["payments"] == "mysql+pymysql://payments@safe/payments"
    assert binds["orders"] == "mysql+pymysql://shop@db/shop_orders"


def test_one_database_for_all_schemas_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "mysql+pymysql://shop@db/shop")
    with pytest.raises(ConfigurationError, match="schema"):
        Config()


def test_no_template_is_needed_if_every_schema_has_a_url(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "unused")
    for schema in SCHEMAS:
        monkeypatch.setenv(f"{schema.upper()}_DATABASE_URL", f"sqlite:///{schema}.db")
    assert Config().SQLALCHEMY_BINDS["cart"] == f"sqlite:///{Path.cwd()}/cart.db"


def test_the_secret_key_of_a_development_shop_is_generated_once_and_readable_by_its_owner_only(tmp_path: Path) -> None:
    first = Config().SECRET_KEY
    assert first == Config().SECRET_KEY
    assert len(first) == 64
    assert (tmp_path / "data" / "secret-key").stat().st_mode & 0o777 == 0o600


def test_a_configured_secret_key_is_used(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("SECRET_KEY", "given")
    assert Config().SECRET_KEY == "given"
    assert not (tmp_path / "data" / "secret-key").exists()


@pytest.mark.usefixtures("production")
def test_production_offers_no_sandbox_payments() -> None:
    config = Config()
    assert (config.PAYMENT_PROVIDER, config.OFFLINE_PAYMENTS) == ("none", ("cod",))


def test_webhooks_reach_hosts_inside_only_where_they_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    assert frozenset() == Config().WEBHOOK_PRIVATE_HOSTS
    monkeypatch.setenv("WEBHOOK_PRIVATE_HOSTS", "ERP.internal., 10.0.0.7,fd00::7")
    assert {"erp.internal", "10.0.0.7", "fd00::7"} == Config().WEBHOOK_PRIVATE_HOSTS


def test_a_development_shop_offers_every_offline_payment() -> None:
    assert Config().OFFLINE_PAYMENTS == ("cod", "upi", "bnpl")


@pytest.mark.usefixtures("production")
def test_production_offers_upi_and_pay_later_when_configured(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OFFLINE_PAYMENTS", "upi, cod")
    assert Config().OFFLINE_PAYMENTS == ("upi", "cod")


@pytest.mark.parametrize(("name", "value"), [("PAYMENT_PROVIDER", "paypal"), ("OFFLINE_PAYMENTS", "cod,cheque")])
def test_an_unknown_payment_method_is_refused(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
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


def test_the_shipping_fee_may_have_paise(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHIPPING_FEE", "49.50")
    assert Decimal("49.50") == Config().SHIPPING_FEE


@pytest.mark.parametrize(("environment", "status"), [("development", 200), ("production", 404)])
def test_the_development_mailbox_does_not_exist_in_production(tmp_path: Path, environment: str, status: int) -> None:
    settings = {**PRODUCTION, "MAIL_URL": PRODUCTION["MAIL_URL"] if environment == "production" else ""}
    url = f"sqlite:///{tmp_path}/{{schema}}.db"
    with shop_at(url, tmp_path, **{**settings, "STOREFRONT_ENV": environment}) as app:
        page = app.test_client().get("/dev/mail", base_url=PRODUCTION["PUBLIC_ORIGIN"])
        assert page.status_code == status


def test_other_origins_may_read_the_api_when_configured(monkeypatch: pytest.MonkeyPatch) -> None:
    assert {"http://localhost:4200"} == Config().CORS_ORIGINS
    monkeypatch.setenv("CORS_ORIGINS", "https://app.example/, http://localhost:4201")
    assert {"https://app.example", "http://localhost:4201"} == Config().CORS_ORIGINS
    monkeypatch.setenv("CORS_ORIGINS", "")
    assert frozenset() == Config().CORS_ORIGINS


def test_in_production_no_other_origin_reads_the_api_unless_configured(
    production: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert frozenset() == Config().CORS_ORIGINS
    monkeypatch.setenv("CORS_ORIGINS", "https://app.example")
    assert {"https://app.example"} == Config().CORS_ORIGINS
    monkeypatch.setenv("CORS_ORIGINS", "https://app.example,http://localhost:4200")
    with pytest.raises(ConfigurationError, match="https"):
        Config()


def test_the_clients_development_server_must_be_on_the_same_machine(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert Config().DEV_CLIENT == ""
    monkeypatch.setenv("DEV_CLIENT", "http://localhost:4200/")
    assert Config().DEV_CLIENT == "http://localhost:4200"
    monkeypatch.setenv("DEV_CLIENT", "http://client.example:4200")
    with pytest.raises(ConfigurationError, match="this machine"):
        Config()


def test_production_refuses_a_development_client(production: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DEV_CLIENT", "http://localhost:4200")
    with pytest.raises(ConfigurationError, match="refused in production"):
        Config()


def test_the_folder_of_the_client_must_have_an_index(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert Config().SPA_DIR is None
    monkeypatch.setenv("SPA_DIR", str(tmp_path))
    with pytest.raises(ConfigurationError, match=r"index\.html"):
        Config()
    (tmp_path / "index.html").touch()
    assert tmp_path.resolve() == Config().SPA_DIR


# ------------------------------------------------------------------------- invalid values

WRONG = [
    ("MACHINES", "3"),
    ("EUREKA_SERVICES", "cart service"),
    ("EUREKA_SERVICES", "CART/../ORDERS"),
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
    ("REPLICA_MAX_LAG", "0"),
    ("REPLICA_MAX_LAG", "301"),
    ("DATABASE_POOL_SIZE", str(MAX_DATABASE_CONNECTIONS + 1)),
    ("RATELIMIT_ENABLED", "ture"),
    ("RATELIMIT_API_ANONYMOUS", "0"),
    ("RATELIMIT_API_SIGNED_IN", "many"),
    ("RATELIMIT_API_STAFF", "1000001"),
    ("RATELIMIT_API_KEY", "60001"),
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
    ("WEBHOOK_PRIVATE_HOSTS", "erp.internal:8443"),
    ("WEBHOOK_PRIVATE_HOSTS", "https://erp.internal"),
    ("WEBHOOK_PRIVATE_HOSTS", "10.0.0.0/8"),
    ("WEBHOOK_PRIVATE_HOSTS", "*"),
]


@pytest.mark.parametrize(("name", "value"), WRONG)
def test_an_invalid_setting_is_named_with_its_value_and_an_example(
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
    ("EUREKA_URL", "http://eureka:8761/eureka,hush:8761"),
    ("EUREKA_ADDRESS", "hush:9090"),
    ("CATALOG_REPLICA_URL", "hush"),
    ("CATALOG_REPLICA_URL", "mysql+pymysql://shop:hush@replica"),
    ("REDIS_URL", "hush:6379"),
    ("REDIS_URL", "http://:hush@redis"),
    ("SMS_URL", "ftp://hush@sms.example"),
    ("OIDC_ISSUER", "hush.example"),
    ("STRIPE_SECRET_KEY", "pk_live_hush"),
    ("STRIPE_WEBHOOK_SECRET", "sk_hush"),
    ("STRIPE_API_BASE", "hush"),
]


@pytest.mark.parametrize(("name", "value"), HOLDING_SECRETS)
def test_the_error_for_a_setting_that_may_hold_a_secret_leaves_its_value_out(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(ConfigurationError, match=rf"^{name} must be .+, such as .+") as refused:
        Config()
    assert "hush" not in str(refused.value)


@pytest.mark.usefixtures("production")
def test_the_error_for_a_short_key_leaves_it_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET_KEY", "hush")
    with pytest.raises(ConfigurationError, match="it has 4") as refused:
        Config()
    assert "hush" not in str(refused.value)


@pytest.mark.parametrize(
    ("given", "normalized"),
    [
        ("https://shop.example/", "https://shop.example"),
        (" https://Shop.Example:443 ", "https://shop.example"),
        ("https://shop.example:8443", "https://shop.example:8443"),
        ("http://localhost:80", "http://localhost"),
        ("http://[::1]:9090", "http://[::1]:9090"),
    ],
)
def test_an_origin_is_normalized_as_browsers_write_it(
    monkeypatch: pytest.MonkeyPatch, given: str, normalized: str
) -> None:
    monkeypatch.setenv("PUBLIC_ORIGIN", given)
    assert normalized == Config().PUBLIC_ORIGIN


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


def test_an_oidc_issuer_needs_a_client(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OIDC_CLIENT_ID", "shop")
    with pytest.raises(ConfigurationError, match="OIDC_ISSUER"):
        Config()


EUREKA = {
    "EUREKA_URL": "http://user:hush@eureka-1:8761/eureka, http://eureka-2:8761/eureka",
    "EUREKA_SERVICES": "CART-SERVICE, order-service",
    "EUREKA_ADDRESS": "http://10.0.0.11:9090/",
}


def test_no_eureka_server_is_used_unless_configured(monkeypatch: pytest.MonkeyPatch) -> None:
    assert Config().EUREKA_URLS == ()
    for name, value in EUREKA.items():
        monkeypatch.setenv(name, value)
    config = Config()
    assert config.EUREKA_URLS == ("http://user:hush@eureka-1:8761/eureka", "http://eureka-2:8761/eureka")
    assert config.EUREKA_SERVICES == ("CART-SERVICE", "order-service")
    assert config.EUREKA_ADDRESS == "http://10.0.0.11:9090"


@pytest.mark.parametrize("missing", EUREKA)
def test_a_registration_needs_server_names_and_address(monkeypatch: pytest.MonkeyPatch, missing: str) -> None:
    for name in EUREKA.keys() - {missing}:
        monkeypatch.setenv(name, EUREKA[name])
    with pytest.raises(ConfigurationError, match=missing):
        Config()


def test_a_shop_is_on_one_machine_unless_configured(monkeypatch: pytest.MonkeyPatch) -> None:
    assert not Config().HAS_SEVERAL_MACHINES
    monkeypatch.setenv("MACHINES", "several")
    assert Config().HAS_SEVERAL_MACHINES


def test_the_pool_is_at_most_as_large_as_the_connection_limit() -> None:
    assert MAX_DATABASE_CONNECTIONS == session.MAX_CONNECTIONS


def test_a_relative_sqlite_path_is_made_absolute(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DATABASE_URL", "sqlite:///files/{schema}.db")
    assert Config().SQLALCHEMY_BINDS["cart"] == f"sqlite:///{tmp_path}/files/cart.db"


@pytest.mark.parametrize("name", ["TAX_RATE", "IMAGE_STORAGE"])
def test_a_command_prints_a_configuration_error_on_one_line(tmp_path: Path, name: str) -> None:
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


# -------------------------------------------------------------------------------------- metrics and logs


def test_without_settings_no_metrics_are_served_and_the_log_is_for_people() -> None:
    config = Config()
    assert (config.METRICS_PORT, config.WORKER_METRICS_PORT, config.METRICS_TOKEN) == (0, 0, "")
    assert (config.METRICS_HOST, config.LOG_FORMAT, config.LOG_REQUESTS) == ("127.0.0.1", "text", "problems")


@pytest.mark.usefixtures("production")
def test_the_log_of_production_is_json_unless_told_otherwise(monkeypatch: pytest.MonkeyPatch) -> None:
    assert Config().LOG_FORMAT == "json"
    monkeypatch.setenv("LOG_FORMAT", "text")
    assert Config().LOG_FORMAT == "text"


@pytest.mark.parametrize(
    ("settings", "worker"),
    [
        ({"METRICS_PORT": "9464"}, 9465),
        ({"METRICS_PORT": "9464", "WORKER_METRICS_PORT": "0"}, 0),
        ({"METRICS_PORT": "65535"}, 0),
        ({"WORKER_METRICS_PORT": "9470"}, 9470),
    ],
)
def test_the_port_of_the_worker_follows_that_of_the_server(
    monkeypatch: pytest.MonkeyPatch, settings: dict[str, str], worker: int
) -> None:
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    assert worker == Config().WORKER_METRICS_PORT


@pytest.mark.usefixtures("production")
@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("METRICS_PORT", "http"),
        ("METRICS_PORT", "65536"),
        ("WORKER_METRICS_PORT", "-1"),
        ("METRICS_HOST", "metrics.example"),
        ("METRICS_TOKEN", "short"),
        ("LOG_FORMAT", "xml"),
        ("LOG_REQUESTS", "some"),
    ],
)
def test_settings_of_metrics_and_logs_that_cannot_work_are_refused(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(ConfigurationError, match=name) as refusal:
        Config()
    assert name != "METRICS_TOKEN" or value not in str(refusal.value)


# -------------------------------------------------------------------------------------- settings that were renamed


@pytest.mark.parametrize(
    ("old", "new", "value", "other"),
    [("CACHE_COUNTS", "CACHE_ENABLED", "0", "1"), ("PICTURE_STORE", "IMAGE_STORAGE", "file:///srv/a", "s3://bucket")],
)
def test_an_old_name_is_still_read_with_a_warning_and_the_new_name_takes_precedence(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, old: str, new: str, value: str, other: str
) -> None:
    with monkeypatch.context() as patch:
        patch.setenv(new, value)
        expected = getattr(Config(), new)
    monkeypatch.setenv(old, value)
    assert getattr(Config(), new) == expected
    assert f"the setting {old} was renamed to {new}" in caplog.text
    monkeypatch.setenv(new, other)
    assert getattr(Config(), new) != expected


def test_present_names_cause_no_warning(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    monkeypatch.setenv("IMAGE_STORAGE", "file:///srv/images")
    Config()
    assert "renamed" not in caplog.text


def test_every_renamed_setting_has_a_current_name() -> None:
    config = Config()
    assert all(hasattr(config, new) and not hasattr(config, old) for old, new in RENAMED.items())


@pytest.mark.usefixtures("production")
@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("MAIL_URL", "smtp://user:hush@mail.example"),
        ("MAIL_URL", "smtp://user:hush@10.0.0.5:25"),
        ("SMS_URL", "http://sms.example/send"),
        ("SMS_URL", "http://user:hush@sms.example/send"),
    ],
)
def test_production_sends_no_password_and_no_code_unencrypted(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    """B9"""
    monkeypatch.setenv(name, value)
    with pytest.raises(ConfigurationError, match=f"^{name}=.* unencrypted: in production") as refused:
        Config()
    assert "hush" not in str(refused.value)


@pytest.mark.usefixtures("production")
@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("MAIL_URL", "smtp+tls://user:pw@mail.example"),
        ("MAIL_URL", "smtps://user:pw@mail.example"),
        ("MAIL_URL", "smtp://mail.example"),
        ("MAIL_URL", "smtp://user:pw@localhost"),
        ("SMS_URL", "https://user:pw@sms.example/send"),
        ("SMS_URL", "http://127.0.0.1:8000/send"),
    ],
)
def test_production_takes_encrypted_transports_and_those_of_its_own_machine(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(name, value)
    assert getattr(Config(), name) == value


# ------------------------------------------------------------------------------------------------- a replica

PRIMARY = "mysql+pymysql://shop:hush@db/shop_{schema}"
REPLICA = "mysql+pymysql://shop:hush@replica/shop_catalog"


def test_the_catalogue_may_have_a_replica(monkeypatch: pytest.MonkeyPatch) -> None:
    assert Config().CATALOG_REPLICA_URL == ""
    monkeypatch.setenv("DATABASE_URL", PRIMARY)
    monkeypatch.setenv("CATALOG_REPLICA_URL", REPLICA)
    config = Config()
    assert (config.CATALOG_REPLICA_URL, config.REPLICA_MAX_LAG) == (REPLICA, 5)


@pytest.mark.parametrize(
    ("primary", "name", "replica", "why"),
    [
        ("", "CATALOG_REPLICA_URL", REPLICA, "SQLite has no replicas"),
        (PRIMARY, "CATALOG_REPLICA_URL", "sqlite:////hush/catalog.db", "SQLite has no replicas"),
        (PRIMARY, "CATALOG_REPLICA_URL", PRIMARY.replace("{schema}", "catalog"), "the address of the primary"),
        (PRIMARY, "ORDERS_REPLICA_URL", REPLICA, "only the catalogue"),
        (PRIMARY, "PAYMENTS_REPLICA_URL", REPLICA, "only the catalogue"),
    ],
)
def test_a_replica_that_cannot_work_is_refused_by_the_name_of_its_setting(
    monkeypatch: pytest.MonkeyPatch, primary: str, name: str, replica: str, why: str
) -> None:
    monkeypatch.setenv("DATABASE_URL", primary)
    monkeypatch.setenv(name, replica)
    with pytest.raises(ConfigurationError, match=rf"^{name}.*{why}") as refused:
        Config()
    assert "hush" not in str(refused.value)
