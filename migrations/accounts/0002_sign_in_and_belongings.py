"""Sign-in (sessions, codes, identities) and what an account owns: addresses, payment methods, wishlist."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

revision = "accounts_0002"
down_revision = "accounts_0001"
branch_labels = None
depends_on = None

MOMENT = sa.DateTime().with_variant(mysql.DATETIME(fsp=6), "mysql", "mariadb")
ROLE = "role IN ('customer', 'stock', 'orders', 'admin')"
PURPOSE = "purpose IN ('register', 'sign-in', 'reset', 'email', 'phone')"


def _id() -> sa.Column:
    return sa.Column("id", sa.Integer(), nullable=False)


def _owner(table: str, *, nullable: bool = False) -> tuple[sa.Column, sa.ForeignKeyConstraint]:
    key = sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=f"fk_{table}_user_id", ondelete="CASCADE")
    return sa.Column("user_id", sa.Integer(), nullable=nullable), key


def upgrade() -> None:
    with op.batch_alter_table("users") as users:
        users.add_column(sa.Column("avatar", sa.String(length=255), nullable=True))
        users.add_column(sa.Column("mfa_enabled", sa.Boolean(), nullable=False, server_default=sa.false()))
        users.add_column(sa.Column("email_verified_at", MOMENT, nullable=True))
        users.add_column(sa.Column("phone_verified_at", MOMENT, nullable=True))
        users.create_check_constraint("ck_users_role", ROLE)
    _create_sign_in()
    _create_belongings()
    _create_wishes()
    _create_outbox()


def _create_sign_in() -> None:
    op.create_table(
        "sessions",
        _id(),
        sa.Column("reference", sa.String(length=64), nullable=False),
        *_owner("sessions"),
        sa.Column("device", sa.String(length=160), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("seen_at", MOMENT, nullable=False),
        sa.Column("expires_at", MOMENT, nullable=False),
        sa.Column("ended_at", MOMENT, nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_sessions"),
        sa.UniqueConstraint("reference", name="uq_sessions_reference"),
    )
    op.create_index("ix_sessions_user_id_ended_at", "sessions", ["user_id", "ended_at"])
    op.create_table(
        "otp_codes",
        _id(),
        sa.Column("purpose", sa.String(length=16), nullable=False),
        sa.Column("address", sa.String(length=254), nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=True),
        sa.Column("seed", sa.String(length=32), nullable=False),
        sa.Column("payload", sa.JSON(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("expires_at", MOMENT, nullable=False),
        sa.Column("used_at", MOMENT, nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_otp_codes"),
        sa.CheckConstraint(PURPOSE, name="ck_otp_codes_purpose"),
    )
    op.create_index("ix_otp_codes_address_purpose", "otp_codes", ["address", "purpose"])
    op.create_index("ix_otp_codes_user_id", "otp_codes", ["user_id"])
    op.create_index("ix_otp_codes_created_at", "otp_codes", ["created_at"])
    op.create_table(
        "identities",
        _id(),
        *_owner("identities"),
        sa.Column("issuer", sa.String(length=255), nullable=False),
        sa.Column("subject", sa.String(length=255), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_identities"),
        sa.UniqueConstraint("issuer", "subject", name="uq_identities_issuer_subject"),
    )
    op.create_index("ix_identities_user_id", "identities", ["user_id"])


def _create_belongings() -> None:
    op.create_table(
        "avatars",
        *_owner("avatars"),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("user_id", name="pk_avatars"),
    )
    op.create_table(
        "addresses",
        _id(),
        *_owner("addresses"),
        sa.Column("full_name", sa.String(length=120), nullable=False),
        sa.Column("phone", sa.String(length=32), nullable=False),
        sa.Column("line1", sa.String(length=160), nullable=False),
        sa.Column("line2", sa.String(length=160), nullable=False),
        sa.Column("city", sa.String(length=80), nullable=False),
        sa.Column("state", sa.String(length=80), nullable=False),
        sa.Column("postal_code", sa.String(length=16), nullable=False),
        sa.Column("country", sa.String(length=60), nullable=False),
        sa.Column("is_default", sa.Boolean(), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_addresses"),
    )
    op.create_index("ix_addresses_user_id", "addresses", ["user_id"])
    op.create_table(
        "payment_methods",
        _id(),
        *_owner("payment_methods"),
        sa.Column("provider", sa.String(length=40), nullable=False),
        sa.Column("token", sa.String(length=160), nullable=False),
        sa.Column("kind", sa.String(length=8), nullable=False),
        sa.Column("details", sa.String(length=80), nullable=False),
        sa.Column("holder", sa.String(length=120), nullable=False),
        sa.Column("expires", sa.String(length=7), nullable=False),
        sa.Column("is_default", sa.Boolean(), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_payment_methods"),
        sa.CheckConstraint("kind IN ('card', 'upi', 'cod', 'bnpl')", name="ck_payment_methods_kind"),
    )
    op.create_index("ix_payment_methods_user_id", "payment_methods", ["user_id"])


def _create_wishes() -> None:
    op.create_table(
        "wishlist",
        _id(),
        *_owner("wishlist", nullable=True),
        sa.Column("guest_token", sa.String(length=32), nullable=True),
        sa.Column("product_id", sa.Integer(), nullable=False),
        sa.Column("variant", sa.String(length=64), nullable=False),
        sa.Column("quantity", sa.Integer(), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_wishlist"),
        sa.UniqueConstraint("user_id", "product_id", name="uq_wishlist_user_id_product_id"),
        sa.UniqueConstraint("guest_token", "product_id", name="uq_wishlist_guest_token_product_id"),
        sa.CheckConstraint("user_id IS NOT NULL OR guest_token IS NOT NULL", name="ck_wishlist_has_owner"),
        sa.CheckConstraint("quantity BETWEEN 1 AND 99", name="ck_wishlist_quantity_1_to_99"),
    )
    op.create_table(
        "wishlist_shares",
        sa.Column("token", sa.String(length=32), nullable=False),
        *_owner("wishlist_shares"),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("token", name="pk_wishlist_shares"),
        sa.UniqueConstraint("user_id", name="uq_wishlist_shares_user_id"),
    )
    op.create_table(
        "stock_notices",
        _id(),
        sa.Column("email", sa.String(length=254), nullable=False),
        *_owner("stock_notices", nullable=True),
        sa.Column("product_id", sa.Integer(), nullable=False),
        sa.Column("variant", sa.String(length=64), nullable=False),
        sa.Column("token", sa.String(length=32), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("told_at", MOMENT, nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_stock_notices"),
        sa.UniqueConstraint("email", "variant", name="uq_stock_notices_email_variant"),
        sa.UniqueConstraint("token", name="uq_stock_notices_token"),
    )
    op.create_index("ix_stock_notices_user_id", "stock_notices", ["user_id"])
    op.create_index("ix_stock_notices_variant_told_at", "stock_notices", ["variant", "told_at"])


def _create_outbox() -> None:
    op.create_table(
        "outbox",
        _id(),
        sa.Column("key", sa.String(length=120), nullable=False),
        sa.Column("topic", sa.String(length=40), nullable=False),
        sa.Column("payload", sa.JSON(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("last_error", sa.String(length=255), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("due_at", MOMENT, nullable=False),
        sa.Column("lease_owner", sa.String(length=36), nullable=True),
        sa.Column("delivered_at", MOMENT, nullable=True),
        sa.Column("parked_at", MOMENT, nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_outbox"),
        sa.UniqueConstraint("key", name="uq_outbox_key"),
    )
    op.create_index("ix_outbox_delivered_at", "outbox", ["delivered_at"])
    op.create_index("ix_outbox_due_at", "outbox", ["due_at"])


def downgrade() -> None:
    for table in (
        "outbox",
        "stock_notices",
        "wishlist_shares",
        "wishlist",
        "payment_methods",
        "addresses",
        "avatars",
        "identities",
        "otp_codes",
        "sessions",
    ):
        op.drop_table(table)
    with op.batch_alter_table("users") as users:
        users.drop_constraint("ck_users_role", type_="check")
        for column in ("phone_verified_at", "email_verified_at", "mfa_enabled", "avatar"):
            users.drop_column(column)
