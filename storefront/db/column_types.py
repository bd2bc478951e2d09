"""Column types that behave the same on SQLite, MySQL and MariaDB."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import sqlalchemy as sa
from sqlalchemy import BigInteger, Dialect, Numeric
from sqlalchemy.dialects import mysql
from sqlalchemy.types import TypeDecorator, TypeEngine

from storefront.core import gtin


class UtcDateTime(TypeDecorator[datetime]):
    """A timezone-aware UTC datetime, stored without zone and with microseconds on every database."""

    impl = sa.DateTime
    cache_ok = True

    def load_dialect_impl(self, dialect: sa.Dialect) -> sa.types.TypeEngine[Any]:
        if dialect.name in {"mysql", "mariadb"}:
            return dialect.type_descriptor(mysql.DATETIME(fsp=6))
        return dialect.type_descriptor(sa.DateTime())

    def process_bind_param(self, value: datetime | None, dialect: sa.Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a datetime without time zone")
        return value.astimezone(UTC).replace(tzinfo=None)

    def process_result_value(self, value: datetime | None, dialect: sa.Dialect) -> datetime | None:
        return None if value is None else value.replace(tzinfo=UTC)


class MinorUnits(TypeDecorator[int]):
    """An amount in whole minor units: DECIMAL(13,2) on MySQL, as in the old system's tables, an integer on SQLite.

    One minor unit is a hundredth, whatever the currency.
    """

    impl = BigInteger
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        if dialect.name in {"mysql", "mariadb"}:
            return dialect.type_descriptor(Numeric(13, 2))
        return dialect.type_descriptor(BigInteger())

    def process_bind_param(self, value: int | None, dialect: Dialect) -> Decimal | int | None:
        if value is None or dialect.name not in {"mysql", "mariadb"}:
            return value
        return Decimal(value).scaleb(-2)

    def process_result_value(self, value: Decimal | int | None, dialect: Dialect) -> int | None:
        if value is None or dialect.name not in {"mysql", "mariadb"}:
            return value if value is None else int(value)
        return int(Decimal(value).scaleb(2))


class Gtin(TypeDecorator[str]):
    """A barcode number, stored in its canonical spelling. Whatever is compared with the column is converted, too.

    A text that is no valid barcode number is left as it is: who writes one has to check it before.
    """

    impl = sa.String(gtin.MAX_LENGTH)
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        return value if value is None else gtin.canonical(value) or value
