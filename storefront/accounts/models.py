"""The tables of the accounts schema."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import String
from sqlalchemy.orm import Mapped, mapped_column

from storefront.database import Model, UtcDateTime


class AccountsModel(Model):
    __abstract__ = True
    __bind_key__ = "accounts"


class User(AccountsModel):
    """:cvar password: Argon2 hash; None until the account has one, and then nobody can sign in to it"""

    __tablename__ = "users"

    id: Mapped[int] = mapped_column(primary_key=True)
    email: Mapped[str | None] = mapped_column(String(254), unique=True)
    phone: Mapped[str | None] = mapped_column(String(32), unique=True)
    password: Mapped[str | None] = mapped_column(String(255))
    name: Mapped[str | None] = mapped_column(String(120))
    role: Mapped[str] = mapped_column(String(16), default="customer")
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
