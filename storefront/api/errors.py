"""Error responses of the API: the contract's error object, and the table that maps domain errors to status and code."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from flask import jsonify, request
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import BadRequest, Forbidden, HTTPException

from storefront.accounts import service as accounts
from storefront.accounts.service import InvalidApiKey, KeyProblem, Scope
from storefront.accounts.values import (
    CodeExpired,
    EmailTaken,
    NoProvedAddress,
    PhoneTaken,
    TooManyAddresses,
    TooManyMethods,
    UnknownAddress,
    UnknownMethod,
    UnknownUser,
    UnusableAvatar,
    UnusableMethod,
    WeakPassword,
    WrongCode,
    WrongPassword,
)
from storefront.api.json_format import instant
from storefront.api.schemas.addresses import address_problems
from storefront.cart.values import MAX_UNITS, NotEnoughStock, TooManyUnits, UnknownLine
from storefront.catalog import media
from storefront.catalog.values import OutOfStock, ReferenceReused, SkuTaken, UnknownCategory, UnknownProduct, UnknownSku
from storefront.checkout.values import CartNotOrderable, CartOrdered, KeyReused, PaymentNotOffered, TotalChanged
from storefront.core import image_processing
from storefront.core.addresses import UndeliverableAddress
from storefront.core.card_numbers import CardNumberRejected, redact
from storefront.core.clock import utc_now
from storefront.core.errors import DomainError, RetryLater
from storefront.core.waiting_line import Busy
from storefront.orders.values import StepNotAllowed, TooLateToChange, UnknownOrder
from storefront.payments.values import PaymentUnavailable
from storefront.web import route_options
from storefront.web.error_pages import Headers
from storefront.web.outage_messages import payment_unavailable
from storefront.web.request_body import MAX_JSON_DEPTH, BodyTooDeep, BodyTooLarge
from storefront.web.same_origin import ForeignOrigin

PROVIDER_RETRY_AFTER = 30  # seconds; after so long a provider that did not answer is asked again
RETRY_AFTER = 2  # seconds; the pause before an interrupted checkout is resumed


@dataclass(frozen=True, slots=True)
class Detail:
    """One problem of a request.

    :ivar field: path of the member at fault, such as "items[0].quantity"; None for the whole request
    """

    field: str | None
    message: str


@dataclass(frozen=True, slots=True)
class ApiError:
    """Status and content of an error response.

    :ivar code: name of the error in the contract, such as "ORDER_NOT_FOUND"
    :ivar retry_after: seconds for the Retry-After header, None without one
    """

    status: int
    code: str
    message: str
    details: tuple[Detail, ...] = ()
    retry_after: int | None = None


class Unacceptable(BadRequest):
    """The query string or body does not match its schema.

    :ivar details: every problem found
    """

    def __init__(self, details: Sequence[Detail]) -> None:
        super().__init__()
        self.details = tuple(details)


class Refused(HTTPException):
    """An error response raised by a view directly, where no domain error exists.

    :ivar api_error: what is answered
    """

    def __init__(self, api_error: ApiError) -> None:
        super().__init__()
        self.code = api_error.status
        self.api_error = api_error


class OutOfScope(Forbidden):
    """A program called an operation that its API key does not allow.

    :ivar scope: what it would need; None: no program may call it
    """

    def __init__(self, scope: Scope | None) -> None:
        super().__init__()
        self.scope = scope


class Malformed(BadRequest):
    """The body is not valid JSON."""


def unacceptable(message: str, field: str | None = None) -> Unacceptable:
    """Build the error for one problem that the schema cannot express.

    :param field: name of the member at fault
    """
    return Unacceptable((Detail(field, message),))


# Code and message of a status when no more specific error applies; contract section 2.1.
_BY_STATUS = {
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

ErrorMapper = Callable[[Any], ApiError]


def _fixed(status: int, code: str, message: str, field: str | None = None) -> ErrorMapper:
    details = (Detail(field, message),) if field else ()
    return lambda error: ApiError(status, code, message, details)


def _out_of_stock(error: OutOfStock) -> ApiError:
    lines = [f"Only {left} left of {error.names[sku]}" for sku, left in error.shortages.items()]
    return ApiError(409, "INSUFFICIENT_STOCK", "; ".join(lines), tuple(Detail("quantity", line) for line in lines))


def _rate_limited(error: RetryLater) -> ApiError:
    return ApiError(429, "RATE_LIMITED", _BY_STATUS[429][1], retry_after=error.seconds)


_KEY_PROBLEMS = {
    KeyProblem.MALFORMED: "This is no API key: it was cut off or mistyped",
    KeyProblem.UNKNOWN: "There is no such API key",
    KeyProblem.EXPIRED: "This API key has expired",
    KeyProblem.REVOKED: "This API key was revoked",
}


def _invalid_key(error: InvalidApiKey) -> ApiError:
    return ApiError(401, "UNAUTHENTICATED", _KEY_PROBLEMS[error.problem])


def _out_of_scope(error: OutOfScope) -> ApiError:
    message = f"This needs the scope {error.scope}" if error.scope else "This is not open to API keys"
    return ApiError(403, "FORBIDDEN", message)


def _invalid_image(error: image_processing.InvalidImage) -> ApiError:
    message = "The file is no PNG, JPEG, WebP or GIF picture"
    if error.seems is image_processing.FileKind.COSTLY:
        message = "The picture takes too long to read: save it anew"
    return ApiError(415, "UNSUPPORTED_MEDIA_TYPE", message, (Detail("file", message),))


def _card_number(error: CardNumberRejected) -> ApiError:
    return ApiError(
        route_options.current().card_number_status, "VALIDATION_ERROR", "Card numbers are not accepted here"
    )


def _not_orderable(error: CartNotOrderable) -> ApiError:
    if not error.names:
        return ApiError(409, "CART_EMPTY", "There is nothing in the cart")
    lines = [f"{name}: not so many are left" for name in error.names]
    return ApiError(409, "INSUFFICIENT_STOCK", "; ".join(lines), tuple(Detail("items", line) for line in lines))


def order_in_progress(message: str = "The order is being placed: send the same request again to get it") -> ApiError:
    """The answer while an order is under way."""
    return ApiError(409, "ORDER_IN_PROGRESS", message, retry_after=RETRY_AFTER)


def _cart_ordered(error: CartOrdered) -> ApiError:
    if error.first.order_id is None:
        return order_in_progress("This cart is being ordered already, on another device or page")
    message = f"This cart was ordered already: {error.first.order_id}"
    return ApiError(409, "CART_EMPTY", message, (Detail("items", message),))


def _price_changed(error: TotalChanged) -> ApiError:
    message = f"These goods cost {error.actual.amount} {error.actual.currency} now"
    return ApiError(409, "PRICE_CHANGED", message, (Detail("total", message),))


def _not_enough_stock(error: NotEnoughStock) -> ApiError:
    message = f"Only {error.available} left" if error.available else "Sold out"
    return ApiError(409, "INSUFFICIENT_STOCK", message, (Detail("quantity", message),))


def _undeliverable(error: UndeliverableAddress) -> ApiError:
    message = f"This address cannot be delivered to: {'; '.join(address_problems(error).values())}"
    return ApiError(400, "VALIDATION_ERROR", message, (Detail("shippingAddress", message),))


# A subclass uses the entry of its nearest base class.
ERRORS: dict[type[DomainError], ErrorMapper] = {
    RetryLater: _rate_limited,
    Busy: lambda error: ApiError(503, "SERVICE_UNAVAILABLE", _BY_STATUS[503][1], retry_after=error.seconds),
    CardNumberRejected: _card_number,
    InvalidApiKey: _invalid_key,
    OutOfStock: _out_of_stock,
    SkuTaken: _fixed(409, "DUPLICATE_SKU", "Another product carries this SKU", "sku"),
    UnknownCategory: _fixed(400, "VALIDATION_ERROR", "There is no such category", "categoryIds"),
    media.gallery.UnknownPicture: _fixed(404, "IMAGE_NOT_FOUND", "There is no such image"),
    UnknownProduct: _fixed(404, "PRODUCT_NOT_FOUND", "There is no such product"),
    UnknownSku: _fixed(404, "PRODUCT_NOT_FOUND", "There is no such product"),
    image_processing.InvalidImage: _invalid_image,
    image_processing.ImageTooLarge: _fixed(
        413,
        "PAYLOAD_TOO_LARGE",
        f"The picture is larger than {image_processing.MAX_BYTES // 2**20} MB or "
        f"{image_processing.MAX_PIXELS // 10**6} megapixels",
        "file",
    ),
    ReferenceReused: _fixed(400, "VALIDATION_ERROR", "This Idempotency-Key was used for another change"),
    NotEnoughStock: _not_enough_stock,
    TooManyUnits: _fixed(409, "INSUFFICIENT_STOCK", f"A cart holds at most {MAX_UNITS} of one thing", "quantity"),
    UnknownLine: _fixed(404, "CART_ITEM_NOT_FOUND", "There is no such line in this cart"),
    CartNotOrderable: _not_orderable,
    CartOrdered: _cart_ordered,
    KeyReused: _fixed(422, "IDEMPOTENCY_KEY_REUSED", "This id or Idempotency-Key stands for another order"),
    PaymentUnavailable: lambda error: ApiError(
        503, "PAYMENT_UNAVAILABLE", payment_unavailable(error.label), retry_after=PROVIDER_RETRY_AFTER
    ),
    PaymentNotOffered: _fixed(400, "VALIDATION_ERROR", "This shop takes no such payment here", "paymentMethod"),
    TotalChanged: _price_changed,
    StepNotAllowed: _fixed(
        409, "ORDER_MODIFICATION_NOT_ALLOWED", "The order cannot take this step from where it is", "status"
    ),
    TooLateToChange: _fixed(
        409, "ORDER_MODIFICATION_NOT_ALLOWED", "The order is too far on its way to go elsewhere", "shippingAddress"
    ),
    UnknownOrder: _fixed(404, "ORDER_NOT_FOUND", "There is no such order"),
    UnknownAddress: _fixed(404, "ADDRESS_NOT_FOUND", "There is no such address"),
    UnknownMethod: _fixed(404, "PAYMENT_METHOD_NOT_FOUND", "There is no such way to pay"),
    accounts.UnknownWishlistItem: _fixed(404, "NOT_FOUND", "There is no such entry on the wishlist"),
    UndeliverableAddress: _undeliverable,
    TooManyAddresses: _fixed(409, "TOO_MANY_ADDRESSES", "The address book is full: delete one first"),
    TooManyMethods: _fixed(409, "TOO_MANY_PAYMENT_METHODS", "So many are saved already: delete one first"),
    accounts.WishlistFull: _fixed(409, "WISHLIST_FULL", "The wishlist is full: take something off it first"),
    UnusableMethod: lambda error: ApiError(400, "VALIDATION_ERROR", error.reason, (Detail("token", error.reason),)),
    UnusableAvatar: _fixed(
        400, "VALIDATION_ERROR", "The picture must be an http or https address, or a path of this shop", "avatarUrl"
    ),
    NoProvedAddress: _fixed(
        401, "SECOND_FACTOR_REQUIRED", "No code can be sent: no e-mail address of this account is proved"
    ),
    CodeExpired: _fixed(400, "OTP_EXPIRED", "The code has expired", "otpCode"),
    EmailTaken: _fixed(409, "DUPLICATE_EMAIL", "This e-mail address has an account already", "email"),
    PhoneTaken: _fixed(409, "DUPLICATE_PHONE", "This phone number has an account already", "phone"),
    UnknownUser: _fixed(404, "USER_NOT_FOUND", "There is no such user"),
    WeakPassword: lambda error: ApiError(400, "VALIDATION_ERROR", error.reason, (Detail("password", error.reason),)),
    WrongCode: _fixed(400, "OTP_INVALID", "The code is not right", "otpCode"),
    WrongPassword: _fixed(401, "INVALID_CREDENTIALS", "E-mail or phone and password do not fit"),
}


_HTTP_ERRORS: dict[type[HTTPException], ErrorMapper] = {
    Refused: lambda error: error.api_error,
    Unacceptable: lambda error: ApiError(400, "VALIDATION_ERROR", error.details[0].message, error.details),
    OutOfScope: _out_of_scope,
    Malformed: _fixed(400, "MALFORMED_JSON", "The body is not valid JSON"),
    ForeignOrigin: _fixed(403, "CSRF_REJECTED", "The request did not come from this shop"),
    BodyTooDeep: _fixed(400, "MALFORMED_JSON", f"The body has more than {MAX_JSON_DEPTH} levels of JSON"),
    BodyTooLarge: lambda error: ApiError(413, "PAYLOAD_TOO_LARGE", f"{_BY_STATUS[413][1]}. {error.sentence}"),
}


def error_for(status: int, error: Exception) -> ApiError:
    """Choose the error response for an exception.

    :param status: the status that a page would answer with
    """
    if isinstance(error, DomainError):
        for kind in type(error).__mro__:
            if kind in ERRORS:
                return ERRORS[kind](error)
    for kind, http_mapper in _HTTP_ERRORS.items():
        if isinstance(error, kind):
            return http_mapper(error)
    code, message = _BY_STATUS.get(status, (HTTPStatus(status).name, HTTPStatus(status).phrase))
    return ApiError(400 if status == 422 else status, code, message)


def render(status: int, error: Exception, headers: Headers) -> ResponseReturnValue:
    """Render an exception as the error object of contract section 2.1.

    :param status: the status that a page would answer with
    :param headers: headers of an HTTP exception, such as Allow or Retry-After
    """
    api_error = error_for(status, error)
    response = jsonify(
        status="error",
        error={
            "code": api_error.code,
            "message": api_error.message,
            "details": [{"field": detail.field, "message": detail.message} for detail in api_error.details],
        },
        message=api_error.message,
        path=redact(request.path),
        timestamp=instant(utc_now()),
    )
    response.status_code = api_error.status
    if isinstance(error, HTTPException) or status == 503:
        response.headers.extend(headers)
    if api_error.retry_after is not None:
        response.headers["Retry-After"] = str(api_error.retry_after)
    if challenge := _challenge(api_error.status, error):
        response.headers["WWW-Authenticate"] = challenge
    return response


def _challenge(status: int, error: Exception) -> str | None:
    """The header WWW-Authenticate of RFC 6750: how to authenticate, and what is wrong with the credential sent."""
    if isinstance(error, InvalidApiKey):
        return 'Bearer error="invalid_token"'
    if isinstance(error, OutOfScope):
        scope = f', scope="{error.scope}"' if error.scope else ""
        return f'Bearer error="insufficient_scope"{scope}'
    return "Bearer" if status == 401 else None
