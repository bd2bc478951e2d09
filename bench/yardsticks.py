"""What the shop is compared with, in the same server: a constant page, and a plain page of 24 products by the ORM."""

from __future__ import annotations

from flask import Flask, render_template_string
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import select
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from config import Config

CONSTANT = (
    b"<!doctype html><title>Constant</title>" + b"<p>Nothing is asked for and nothing computed.</p>" * 600
)  # 30 kB
TEMPLATE = (
    "<!doctype html><title>Products</title>{% for product in products %}<article><h2>{{ product.name }}</h2>"
    "<p>{{ product.brand }}, {{ product.sku }}</p><p>{{ '%.2f'|format(product.price / 100) }}</p></article>{% endfor %}"
)


class Base(DeclarativeBase):
    pass


db = SQLAlchemy(model_class=Base)
app = Flask(__name__)
app.config["SQLALCHEMY_DATABASE_URI"] = Config().SQLALCHEMY_BINDS["catalog"]
db.init_app(app)


class Product(db.Model):  # type: ignore[name-defined, misc]
    __tablename__ = "products"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]
    brand: Mapped[str]
    sku: Mapped[str]
    price: Mapped[int]


@app.get("/constant")
def constant() -> bytes:
    return CONSTANT


@app.get("/orm")
def orm() -> str:
    products = db.session.scalars(select(Product).order_by(Product.id.desc()).limit(24)).all()
    return render_template_string(TEMPLATE, products=products)


@app.get("/health")
def health() -> str:
    return "ok"
