"""What the API says when it refuses: the contract's error object, and one table from the shop's errors to its codes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from flask import jsonify, request
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import BadRequest, HTTPException

from storefront.accounts import service as accounts
from storefront.api.json_format import instant
from storefront.cart import service as cart
from storefront.catalog import service as catalog
from storefront.checkout import service as checkout
from storefront.core import image_processing
from storefront.core.card_numbers import CardNumberRejected
from storefront.core.clock import utc_now
from storefront.core.errors import DomainError, RetryLater
from storefront.orders import service as orders
from storefront.web import route_options
from storefront.web.error_pages import Headers
from storefront.web.same_origin import ForeignOrigin


@dataclass(frozen=True, slots=True)
class Detail:
    """:ivar field: which part of what was sent, None for all of it"""

    field: str | None
    message: str


@dataclass(frozen=True, slots=True)
class ApiError:
    """What is answered.

    :ivar retry_after: seconds, where waiting helps
    """

    status: int
    code: str
    message: str
    details: tuple[Detail, ...] = ()
    retry_after: int | None = None


class Unacceptable(BadRequest):
    """What was sent does not fit.

    :ivar details: every problem found
    """

    def __init__(self, details: Sequence[Detail]) -> None:
        super().__init__()
        self.details = tuple(details)


class Refused(HTTPException):
    """A refusal that is made up on the spot, for what no error of the shop stands for."""

    def __init__(self, refusal: ApiError) -> None:
        super().__init__()
        self.code = refusal.status
        self.refusal = refusal


class Malformed(BadRequest):
    """What was sent as JSON is none."""


def unacceptable(message: str, field: str | None = None) -> Unacceptable:
    """A single problem that the shape could not show."""
    return Unacceptable((Detail(field, message),))


# Where the contract has a name of its own for a status, and the words for it; contract section 2.1.
_CODES = {
    400: ("VALIDATION_ERROR", "This request could not be read"),
    401: ("UNAUTHENTICATED", "Sign in first"),
    403: ("FORBIDDEN", "This is not yours to see or to change"),
    404: ("NOT_FOUND", "There is nothing at this address"),
    405: ("METHOD_NOT_ALLOWED", "This address cannot do that"),
    413: ("PAYLOAD_TOO_LARGE", "The request is larger than the shop accepts"),
    415: ("UNSUPPORTED_MEDIA_TYPE", "This type of content is not accepted here"),
    422: ("VALIDATION_ERROR", "This request could not be carried out"),
    429: ("RATE_LIMITED", "Too many tries: wait a little, then try again"),
    500: ("INTERNAL_ERROR", "Something went wrong on our side"),
    503: ("SERVICE_UNAVAILABLE", "A part of the shop cannot be reached now: try again soon"),
}

Row = Callable[[Any], ApiError]


def _plain(status: int, code: str, message: str, field: str | None = None) -> Row:
    details = (Detail(field, message),) if field else ()
    return lambda error: ApiError(status, code, message, details)


def _short(error: catalog.OutOfStock) -> ApiError:
    lines = [f"Only {left} left of {error.names[sku]}" for sku, left in error.shortages.items()]
    return ApiError(409, "INSUFFICIENT_STOCK", "; ".join(lines), tuple(Detail("quantity", line) for line in lines))


def _later(error: RetryLater) -> ApiError:
    return ApiError(429, "RATE_LIMITED", _CODES[429][1], retry_after=error.seconds)


def _card_number(error: CardNumberRejected) -> ApiError:
    return ApiError(
        route_options.current().card_number_status, "VALIDATION_ERROR", "Card numbers are not accepted here"
    )


def _not_orderable(error: checkout.CartNotOrderable) -> ApiError:
    if not error.names:
        return ApiError(409, "CART_EMPTY", "There is nothing in the cart")
    lines = [f"{name}: not so many are left" for name in error.names]
    return ApiError(409, "INSUFFICIENT_STOCK", "; ".join(lines), tuple(Detail("items", line) for line in lines))


def _price_changed(error: checkout.TotalChanged) -> ApiError:
    message = f"These goods cost {error.actual.amount} {error.actual.currency} now"
    return ApiError(409, "PRICE_CHANGED", message, (Detail("total", message),))


def _not_so_many(error: cart.NotEnoughStock) -> ApiError:
    message = f"Only {error.available} left" if error.available else "Sold out"
    return ApiError(409, "INSUFFICIENT_STOCK", message, (Detail("quantity", message),))


# A subclass is found by its nearest row.
TABLE: dict[type[DomainError], Row] = {
    RetryLater: _later,
    CardNumberRejected: _card_number,
    catalog.OutOfStock: _short,
    catalog.SkuTaken: _plain(409, "DUPLICATE_SKU", "Another product carries this SKU", "sku"),
    catalog.UnknownCategory: _plain(400, "VALIDATION_ERROR", "There is no such category", "categoryIds"),
    catalog.gallery.UnknownPicture: _plain(404, "IMAGE_NOT_FOUND", "There is no such image"),
    catalog.UnknownProduct: _plain(404, "PRODUCT_NOT_FOUND", "There is no such product"),
    catalog.UnknownSku: _plain(404, "PRODUCT_NOT_FOUND", "There is no such product"),
    image_processing.InvalidImage: _plain(
        415, "UNSUPPORTED_MEDIA_TYPE", "The file is no PNG, JPEG, WebP or GIF picture", "file"
    ),
    image_processing.ImageTooLarge: _plain(
        413, "PAYLOAD_TOO_LARGE", "The picture has too many bytes or pixels", "file"
    ),
    catalog.ReferenceReused: _plain(400, "VALIDATION_ERROR", "This Idempotency-Key was used for another change"),
    cart.NotEnoughStock: _not_so_many,
    cart.TooManyUnits: _plain(
        409, "INSUFFICIENT_STOCK", f"A cart holds at most {cart.MAX_UNITS} of one thing", "quantity"
    ),
    cart.UnknownLine: _plain(404, "CART_ITEM_NOT_FOUND", "There is no such line in this cart"),
    checkout.CartNotOrderable: _not_orderable,
    checkout.KeyReused: _plain(422, "IDEMPOTENCY_KEY_REUSED", "This id or Idempotency-Key stands for another order"),
    checkout.PaymentNotOffered: _plain(
        400, "VALIDATION_ERROR", "This shop takes no such payment here", "paymentMethod"
    ),
    checkout.TotalChanged: _price_changed,
    orders.StepNotAllowed: _plain(
        409, "ORDER_MODIFICATION_NOT_ALLOWED", "The order cannot take this step from where it is", "status"
    ),
    orders.TooLateToChange: _plain(
        409, "ORDER_MODIFICATION_NOT_ALLOWED", "The order is too far on its way to go elsewhere", "shippingAddress"
    ),
    orders.UnknownOrder: _plain(404, "ORDER_NOT_FOUND", "There is no such order"),
    accounts.UnknownAddress: _plain(404, "ADDRESS_NOT_FOUND", "There is no such address"),
    accounts.UnknownMethod: _plain(404, "PAYMENT_METHOD_NOT_FOUND", "There is no such way to pay"),
    accounts.UnknownWishlistItem: _plain(404, "NOT_FOUND", "There is no such entry on the wishlist"),
    accounts.TooManyAddresses: _plain(409, "TOO_MANY_ADDRESSES", "The address book is full: delete one first"),
    accounts.TooManyMethods: _plain(409, "TOO_MANY_PAYMENT_METHODS", "So many are saved already: delete one first"),
    accounts.WishlistFull: _plain(409, "WISHLIST_FULL", "The wishlist is full: take something off it first"),
    accounts.UnusableMethod: lambda error: ApiError(
        400, "VALIDATION_ERROR", error.reason, (Detail("token", error.reason),)
    ),
    accounts.UnusableAvatar: _plain(
        400, "VALIDATION_ERROR", "The picture must be an http or https address, or a path of this shop", "avatarUrl"
    ),
    accounts.NoProvedAddress: _plain(
        401, "SECOND_FACTOR_REQUIRED", "No code can be sent: no e-mail address of this account is proved"
    ),
    accounts.CodeExpired: _plain(400, "OTP_EXPIRED", "The code has expired", "otpCode"),
    accounts.EmailTaken: _plain(409, "DUPLICATE_EMAIL", "This e-mail address has an account already", "email"),
    accounts.PhoneTaken: _plain(409, "DUPLICATE_PHONE", "This phone number has an account already", "phone"),
    accounts.UnknownUser: _plain(404, "USER_NOT_FOUND", "There is no such user"),
    accounts.WeakPassword: lambda error: ApiError(
        400, "VALIDATION_ERROR", error.reason, (Detail("password", error.reason),)
    ),
    accounts.WrongCode: _plain(400, "OTP_INVALID", "The code is not right", "otpCode"),
    accounts.WrongPassword: _plain(401, "INVALID_CREDENTIALS", "E-mail or phone and password do not fit"),
}


def refusal_of(status: int, error: Exception) -> ApiError:
    """What to answer to a fault.

    :param status: what a page would answer
    """
    if isinstance(error, DomainError):
        for kind in type(error).__mro__:
            if kind in TABLE:
                return TABLE[kind](error)
    if isinstance(error, Refused):
        return error.refusal
    if isinstance(error, Unacceptable):
        first = error.details[0].message
        return ApiError(400, "VALIDATION_ERROR", first, error.details)
    if isinstance(error, Malformed):
        return ApiError(400, "MALFORMED_JSON", "The body is not valid JSON")
    if isinstance(error, ForeignOrigin):
        return ApiError(403, "CSRF_REJECTED", "The request did not come from this shop")
    code, message = _CODES.get(status, (HTTPStatus(status).name, HTTPStatus(status).phrase))
    return ApiError(400 if status == 422 else status, code, message)


def show(status: int, error: Exception, headers: Headers) -> ResponseReturnValue:
    """The error object of contract section 2.1."""
    refusal = refusal_of(status, error)
    response = jsonify(
        status="error",
        error={
            "code": refusal.code,
            "message": refusal.message,
            "details": [{"field": detail.field, "message": detail.message} for detail in refusal.details],
        },
        message=refusal.message,
        path=request.path,
        timestamp=instant(utc_now()),
    )
    response.status_code = refusal.status
    if isinstance(error, HTTPException) or status == 503:
        response.headers.extend(headers)
    if refusal.retry_after is not None:
        response.headers["Retry-After"] = str(refusal.retry_after)
    if refusal.status == 401:
        response.headers["WWW-Authenticate"] = "Bearer"
    return response
