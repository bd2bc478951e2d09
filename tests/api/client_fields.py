"""The members of each response that the legacy client reads, with their types. Contract sections 1.1 and 2.2."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

Body = dict[str, Any]
Kind = Callable[[Any], bool]


def whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 < value < 2**53


def count(value: Any) -> bool:
    return value == 0 or whole(value)


def number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and value >= 0


def text(value: Any) -> bool:
    return isinstance(value, str)


def filled(value: Any) -> bool:
    return isinstance(value, str) and value.strip() != ""


def moment(value: Any) -> bool:
    return isinstance(value, str) and re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", value) is not None


def flag(value: Any) -> bool:
    return isinstance(value, bool)


def listed(kind: Kind) -> Kind:
    return lambda value: isinstance(value, list) and all(kind(each) for each in value)


def or_null(kind: Kind) -> Kind:
    return lambda value: value is None or kind(value)


def one_of(*values: Any) -> Kind:
    return lambda value: value in values


def shaped(fields: Mapping[str, Kind]) -> Kind:
    return lambda value: not faults(value, fields)


def faults(value: Any, fields: Mapping[str, Kind], where: str = "") -> list[str]:
    """List the members that are missing or have a wrong type."""
    if not isinstance(value, dict):
        return [f"{where} is {value!r}"]
    return [
        f"{where}.{name} is {value.get(name, 'missing')!r}"
        for name, kind in fields.items()
        if name not in value or not kind(value[name])
    ]


def picture(value: Any) -> bool:
    return isinstance(value, str) and value.startswith(("http://", "https://"))


REVIEW = {"id": whole, "userName": filled, "rating": one_of(1, 2, 3, 4, 5), "title": text, "comment": text}
REVIEW |= {"createdAt": moment, "verifiedPurchase": flag, "helpfulCount": count, "userAvatar": or_null(picture)}
PRODUCT: dict[str, Kind] = {
    "id": whole,
    "name": filled,
    "description": text,
    "price": number,
    "averageRating": number,
    "reviewCount": count,
    "imageUrls": lambda value: listed(picture)(value) and value != [],
    "categories": listed(filled),
    "brand": text,
    "stock": count,
    "availabilityStatus": one_of("IN_STOCK", "OUT_OF_STOCK", "PREORDER"),
    "specifications": lambda value: isinstance(value, dict) and all(map(text, value.values())),
    "reviews": listed(shaped(REVIEW)),
}
ADDRESS = {"id": whole, "fullName": filled, "phone": filled, "city": filled, "state": filled, "country": filled}
ADDRESS |= {"line1": filled, "addressLine1": filled, "postalCode": filled, "zipCode": filled, "isDefault": flag}
METHOD = {"id": whole, "provider": filled, "token": filled, "isDefault": flag, "type": filled}
USER: dict[str, Kind] = {
    "id": whole,
    "name": or_null(filled),
    "email": or_null(filled),
    "phone": or_null(filled),
    "avatar": or_null(filled),
    "wishlist": listed(whole),
    "addresses": listed(shaped(ADDRESS)),
    "paymentMethods": listed(shaped(METHOD)),
    "orders": one_of([]),
    "token": one_of(None),
}
LINE = {"id": whole, "productId": whole, "quantity": whole}
CART: dict[str, Kind] = {"items": listed(shaped(LINE))}
WISHLIST_ITEM = {"productId": whole}
ITEM = {"productName": filled, "productImage": picture, "quantity": whole, "total": number}
STATUSES = ("pending", "confirmed", "processing", "shipped", "delivered", "cancelled")
ORDER: dict[str, Kind] = {
    "id": filled,
    "date": moment,
    "total": number,
    "status": one_of(*STATUSES),
    "items": listed(shaped(ITEM)),
    "trackingNumber": text,
}


def reads(value: Any, fields: Mapping[str, Kind]) -> Any:
    """Return a response after asserting that it has all members that the client reads."""
    problems = faults(value, fields)
    assert not problems, problems
    return value


def reads_all(values: Any, fields: Mapping[str, Kind]) -> list[Body]:
    assert isinstance(values, list), values
    return [reads(value, fields) for value in values]
