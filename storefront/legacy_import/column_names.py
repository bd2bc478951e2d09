"""Possible names of the old services' tables and columns, in the naming style of Spring.

The first name that exists is used. Where the services and their documentation differ, both names are listed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

ID = ("id",)
USER = ("user_id", "customer_id", "userid")
PRODUCT = ("product_id", "productid", "products_id")
CREATED = ("created_at", "created_on", "created_date", "creation_date", "date_added", "added_at", "date")
PHONE = ("phone", "phone_number", "mobile", "mobile_number")
LINE1 = ("line1", "address_line1", "address_line_1", "line_1", "street", "street_address")
LINE2 = ("line2", "address_line2", "address_line_2", "line_2", "landmark")
CODE = ("postal_code", "zip_code", "pin_code", "pincode", "postcode", "zip")
NAME = ("full_name", "name", "recipient_name", "display_name")
DEFAULT = ("is_default", "default_address", "default_method", "default_flag", "isdefault")


@dataclass(frozen=True, slots=True)
class Names:
    """The possible names of one table and its columns.

    :ivar group: the service whose database has it, where each has its own: `--schema <group>=<url>`
    :ivar tables: possible names of the table
    :ivar columns: possible names of each column, by our name
    :ivar needed: columns without which a table is not used
    """

    group: str
    tables: tuple[str, ...]
    columns: Mapping[str, tuple[str, ...]]
    needed: tuple[str, ...] = field(default=("id",))


GROUPS = ("users", "products", "carts", "orders", "payments")

USERS = Names(
    "users",
    ("users", "user", "app_users", "user_entity"),
    {
        "id": ("id", "user_id"),
        "email": ("email", "email_address"),
        "phone": PHONE,
        "password": ("password_hash", "password", "hashed_password"),
        "name": NAME,
        "first_name": ("first_name",),
        "last_name": ("last_name",),
        "avatar": ("avatar", "avatar_url", "profile_image", "image_url"),
        "verified": ("email_verified", "is_verified", "verified", "is_email_verified"),
        "mfa": ("mfa_enabled", "is_mfa_enabled"),
        "role": ("role", "roles", "user_role", "authority"),
        "created_at": CREATED,
    },
)
PROFILES = Names(
    "users",
    ("user_profiles", "user_profile", "profiles", "profile"),
    {"id": ID, "user_id": USER, "name": NAME, "avatar": ("avatar_url", "avatar", "profile_image")},
    ("user_id",),
)
ROLES = Names("users", ("user_roles",), {"user_id": USER, "role": ("role", "roles", "role_name")}, ("user_id", "role"))
ADDRESSES = Names(
    "users",
    ("addresses", "address", "user_addresses", "user_address"),
    {
        "id": ID,
        "user_id": USER,
        "full_name": NAME,
        "phone": PHONE,
        "line1": LINE1,
        "line2": LINE2,
        "city": ("city",),
        "state": ("state", "province", "region"),
        "postal_code": CODE,
        "country": ("country",),
        "is_default": DEFAULT,
        "created_at": CREATED,
    },
    ("id", "user_id", "line1"),
)
METHODS = Names(
    "users",
    ("payment_methods", "payment_method", "user_payment_methods", "saved_payment_methods"),
    {
        "id": ID,
        "user_id": USER,
        "provider": ("provider", "type", "method_type", "payment_type"),
        "token": ("token", "payment_token", "card_number", "details"),
        "is_default": DEFAULT,
        "created_at": CREATED,
    },
    ("id", "user_id", "provider"),
)
WISHES = Names(
    "users",
    ("wishlist_items", "wishlist_item", "wishlist", "wishlists"),
    {"id": ID, "user_id": USER, "wishlist_id": ("wishlist_id",), "product_id": PRODUCT, "created_at": CREATED},
    ("id", "product_id"),
)
WISHLISTS = Names("users", ("wishlists", "wishlist"), {"id": ID, "user_id": USER}, ("id", "user_id"))
CATEGORIES = Names(
    "products",
    ("categories", "category"),
    {"id": ("id", "category_id"), "name": ("name", "category_name", "title"), "description": ("description",)},
    ("id", "name"),
)
PRODUCTS = Names(
    "products",
    ("products", "product"),
    {
        "id": ("id", "product_id"),
        "sku": ("sku", "product_sku"),
        "name": ("name", "product_name", "title"),
        "brand": ("brand", "brand_name"),
        "description": ("description", "product_description"),
        "price": ("price", "unit_price"),
        "currency": ("currency",),
        "stock": ("stock", "stock_quantity", "quantity", "inventory"),
        "status": ("availability_status", "stock_status"),
        "active": ("active", "is_active", "enabled"),
        "category_id": ("category_id",),
        "created_at": CREATED,
    },
    ("id", "name", "price"),
)
MEMBERSHIPS = Names(
    "products",
    ("product_categories", "product_category", "products_categories"),
    {"product_id": PRODUCT, "category_id": ("category_id", "categories_id"), "name": ("category", "category_name")},
    ("product_id",),
)
SPECS = Names(
    "products",
    ("product_specs", "product_specifications", "product_spec", "product_specification", "specifications"),
    {
        "id": ID,
        "product_id": PRODUCT,
        "name": ("name", "spec_name", "spec_key", "specifications_key", "specification_key", "attribute"),
        "value": ("value", "spec_value", "specifications", "specification_value", "specification"),
    },
    ("product_id", "name", "value"),
)
IMAGES = Names(
    "products",
    ("product_images", "product_image", "images"),
    {
        "id": ID,
        "product_id": PRODUCT,
        "data": ("image_data", "data", "image", "content"),
        "url": ("image_url", "url"),
        "alt": ("alt_text", "alt", "file_name"),
    },
    ("id", "product_id"),
)
REVIEWS = Names(
    "products",
    ("reviews", "review", "product_reviews", "product_review"),
    {
        "id": ID,
        "product_id": PRODUCT,
        "user_id": USER,
        "author": ("user_name", "username", "author", "reviewer_name"),
        "rating": ("rating", "stars"),
        "title": ("title", "headline", "summary"),
        "comment": ("comment", "text", "body", "content", "review_text"),
        "helpful": ("helpful_count", "helpful"),
        "created_at": CREATED,
    },
    ("id", "product_id", "user_id", "rating"),
)
CARTS = Names(
    "carts", ("cart", "carts"), {"id": ID, "user_id": USER, "updated_at": ("updated_at", *CREATED)}, ("id", "user_id")
)
CART_LINES = Names(
    "carts",
    ("cart_item", "cart_items"),
    {
        "id": ID,
        "cart_id": ("cart_id",),
        "user_id": USER,
        "product_id": PRODUCT,
        "quantity": ("quantity", "qty"),
        "variant": ("variant",),
    },
    ("id", "product_id", "quantity"),
)
ORDERS = Names(
    "orders",
    ("orders", "order_entity", "customer_orders"),
    {
        "id": ID,
        "order_id": ("order_id", "order_number", "order_no"),
        "customer_id": ("customer_id", "user_id"),
        "email": ("customer_email", "email"),
        "total": ("total_amount", "total", "grand_total", "amount"),
        "subtotal": ("subtotal", "sub_total"),
        "shipping": ("shipping", "shipping_cost", "shipping_fee", "shipping_amount"),
        "tax": ("tax", "tax_amount"),
        "discount": ("discount", "discount_amount"),
        "status": ("status", "order_status"),
        "placed_at": ("order_date", "placed_at", *CREATED),
        "changed_at": ("updated_at", "last_updated", "modified_at"),
        "estimated_on": ("estimated_delivery", "estimated_delivery_date", "delivery_date"),
        "tracking_number": ("tracking_number", "tracking_id"),
        "full_name": ("shipping_full_name", "shipping_name", "full_name"),
        "phone": ("shipping_phone", "shipping_phone_number", "phone"),
        "line1": ("shipping_address_line1", "shipping_address_line_1", "shipping_line1", "shipping_address"),
        "line2": ("shipping_address_line2", "shipping_address_line_2", "shipping_line2"),
        "city": ("shipping_city", "city"),
        "state": ("shipping_state", "state"),
        "postal_code": ("shipping_zip_code", "shipping_postal_code", "zip_code", "postal_code"),
        "country": ("shipping_country", "country"),
        "payment_kind": ("payment_type", "payment_method"),
        "payment_details": ("payment_details",),
        "lender": ("payment_provider",),
    },
    ("id",),
)
ORDER_ITEMS = Names(
    "orders",
    ("order_item", "order_items", "order_line", "order_lines"),
    {
        "id": ID,
        "order_id": ("order_id", "orders_id", "order_db_id"),
        "product_id": PRODUCT,
        "name": ("product_name", "name"),
        "quantity": ("quantity", "qty"),
        "price": ("price", "unit_price"),
        "total": ("total", "line_total", "total_price"),
    },
    ("id", "order_id", "product_id", "quantity", "price"),
)
PAYMENTS = Names(
    "payments",
    ("payments", "payment"),
    {
        "id": ID,
        "payment_id": ("payment_id", "transaction_id"),
        "order_id": ("order_id",),
        "amount": ("amount", "total"),
        "kind": ("payment_method", "method", "payment_type"),
        "status": ("status", "payment_status"),
        "paid_at": ("payment_date", "paid_at", *CREATED),
    },
    ("id", "order_id"),
)
