"""Same-origin checks, bearer tokens and CORS: contract section 5.1, cases 50 to 52."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from flask import Flask, request, session

from storefront.api.guards import of_user, signed_in
from storefront.api.operations import OPERATIONS
from storefront.web import session as web_session
from tests.api.client import Api, assert_refused
from tests.factories.accounts import make_account, make_staff
from tests.fakes import Clock
from tests.page_client import SAME_ORIGIN

OWN_ORIGIN = "http://localhost:9090"
CLIENT = "http://localhost:4200"
BATCH = "/api/products/batch"
ANONYMOUS_PATHS = [
    "/auth/login",
    "/auth/login/",
    "/auth/register",
    "/auth/register/stub",
    "/auth/mfa/send",
    "/auth/mfa/verify",
    "/auth/verify-otp",
    "/auth/password/reset",
]

OWN = [SAME_ORIGIN, {"Origin": OWN_ORIGIN}, {**SAME_ORIGIN, "Origin": CLIENT}]
FOREIGN = [
    {"Sec-Fetch-Site": "same-site"},
    {"Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "none"},
    {"Sec-Fetch-Site": ""},
    {"Sec-Fetch-Site": "cross-site", "Origin": OWN_ORIGIN},
    {"Origin": "https://evil.example"},
    {"Origin": "null"},
    {"Origin": CLIENT},
    {"Origin": "http://localhost"},  # the Host header of these requests: only the configured origin counts
]


@pytest.mark.parametrize("headers", OWN)
def test_a_write_of_the_shops_pages_is_accepted(app: Flask, headers: dict[str, str]) -> None:
    api = Api(app).with_cookie(make_account())
    assert api.post(BATCH, json=[1], headers=headers).status_code == 200


@pytest.mark.parametrize("headers", FOREIGN)
@pytest.mark.parametrize("has_cookie", [True, False])
def test_a_write_caused_by_another_page_is_refused(app: Flask, headers: dict[str, str], has_cookie: bool) -> None:
    api = Api(app).with_cookie(make_account()) if has_cookie else Api(app)
    assert_refused(api.post(BATCH, json=[1], headers=headers), 403, "CSRF_REJECTED")


def test_a_request_without_browser_is_accepted_without_a_cookie_only(app: Flask) -> None:
    assert Api(app).post(BATCH, json=[1], headers={}).status_code == 200
    with_cookie = Api(app).with_cookie(make_account())
    assert_refused(with_cookie.post(BATCH, json=[1], headers={}), 403, "CSRF_REJECTED")


@pytest.mark.parametrize("path", ANONYMOUS_PATHS)
def test_signing_in_needs_no_origin_even_with_a_cookie(app: Flask, path: str) -> None:
    api = Api(app).with_cookie(make_account())
    assert api.post(path, json={}, headers={}).status_code != 403
    assert_refused(api.post(path, json={}, headers={"Origin": "https://evil.example"}), 403, "CSRF_REJECTED")


def test_a_foreign_origin_is_refused_before_all_other_checks(api: Api) -> None:
    headers = {"Sec-Fetch-Site": "cross-site"}
    assert_refused(api.post("/api/products", data="{", headers=headers), 403, "CSRF_REJECTED")
    assert_refused(api.post("/api/nothing", headers=headers), 403, "CSRF_REJECTED")


@pytest.mark.parametrize("headers", FOREIGN)
def test_any_page_may_cause_reads(api: Api, headers: dict[str, str]) -> None:
    assert api.get("/api/products/1", headers=headers).status_code == 200


# ------------------------------------------------------------------------------------------------ tokens


@pytest.mark.parametrize("headers", [{}, {"Sec-Fetch-Site": "cross-site"}, {"Origin": "https://evil.example"}])
def test_a_token_needs_no_origin(stock_keeper: Api, headers: dict[str, str]) -> None:
    sent = {**stock_keeper.headers, **headers}
    response = stock_keeper.put("/api/products/1/reduce-stock?quantity=1", headers=sent)
    assert (response.status_code, response.json) == (200, "Stock reduced successfully")


@pytest.mark.parametrize("sent", ["Bearer rubbish", "Bearer ", "Basic YTpi", "rubbish", ""])
def test_a_bad_token_is_refused_even_with_a_valid_cookie(app: Flask, sent: str) -> None:
    api = Api(app).with_cookie(make_staff())
    for method, path in (("GET", "/api/products/1"), ("PUT", "/api/products/1/reduce-stock?quantity=1")):
        response = api.send(method, path, headers={**SAME_ORIGIN, "Authorization": sent})
        assert_refused(response, 401, "UNAUTHENTICATED")
        assert response.headers["WWW-Authenticate"] == "Bearer"


def test_an_expired_token_is_refused(stock_keeper: Api, now: Clock) -> None:
    now.advance(hours=2)
    assert_refused(stock_keeper.get("/api/products/1"), 401, "UNAUTHENTICATED")


# ------------------------------------------------------------------------------------------------ who may


@pytest.fixture
def guarded(app: Flask) -> Iterator[None]:
    """Two addresses that answer whoever their guards let through."""
    answered = {
        "api.getProduct": lambda product_id: signed_in({}) or "welcome",
        "api.reviewCount": lambda product_id: of_user({"user_id": product_id}) or "welcome",
    }
    kept = {endpoint: app.view_functions[endpoint] for endpoint in answered}
    app.view_functions.update(answered)
    yield
    app.view_functions.update(kept)


@pytest.mark.usefixtures("guarded")
def test_an_operation_for_accounts_needs_one(api: Api, customer: Api) -> None:
    assert_refused(api.get("/api/products/1"), 401, "UNAUTHENTICATED")
    assert "Location" not in api.get("/api/products/1").headers
    assert customer.get("/api/products/1").text == "welcome"


@pytest.mark.usefixtures("guarded")
def test_a_users_data_is_for_the_user_and_staff(app: Flask, api: Api) -> None:
    owner, staff = make_account(), make_staff()
    url = f"/api/products/{owner.id}/reviews/count"
    assert_refused(api.get(url), 401, "UNAUTHENTICATED")
    assert_refused(Api(app).with_token(make_account()).get(url), 403, "FORBIDDEN")
    assert Api(app).with_cookie(owner).get(url).text == "welcome"
    assert Api(app).with_token(staff).get(url).text == "welcome"


STAFF_ONLY = [(o.method, o.path.replace("{productId}", "1")) for o in OPERATIONS if o.access.__name__ == "stock_staff"]


@pytest.mark.parametrize(("method", "path"), STAFF_ONLY)
def test_products_are_changed_by_staff_only(api: Api, customer: Api, method: str, path: str) -> None:
    assert_refused(api.send(method, path), 401, "UNAUTHENTICATED")
    assert_refused(customer.send(method, path), 403, "FORBIDDEN")


# ------------------------------------------------------------------------------------------------ CORS


def test_an_allowed_origin_may_read(api: Api) -> None:
    response = api.get("/api/products/1", headers={"Origin": CLIENT, "Sec-Fetch-Site": "same-site"})
    assert response.headers["Access-Control-Allow-Origin"] == CLIENT
    assert "Access-Control-Allow-Credentials" not in response.headers
    assert "Origin" in response.vary


def test_an_error_may_be_read_too(api: Api) -> None:
    assert api.get("/api/nothing", headers={"Origin": CLIENT}).headers["Access-Control-Allow-Origin"] == CLIENT


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://localhost:4200.evil.example", OWN_ORIGIN])
def test_other_origins_may_not_read(api: Api, origin: str) -> None:
    for method in ("GET", "OPTIONS"):
        response = api.send(method, "/api/products/1", headers={"Origin": origin})
        assert "Access-Control-Allow-Origin" not in response.headers
        assert "Origin" in response.vary


def test_pages_have_no_cors_headers(api: Api) -> None:
    assert "Access-Control-Allow-Origin" not in api.get("/", headers={"Origin": CLIENT}).headers


@pytest.mark.parametrize(
    "path", ["/api/products", "/api/products/", "/api/products/1/reviews", "/products/batch", "/checkout"]
)
def test_a_preflight_is_answered_without_a_sign_in(api: Api, path: str) -> None:
    asked = {
        "Origin": CLIENT,
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "content-type",
    }
    response = api.send("OPTIONS", path, headers=asked)
    assert (response.status_code, response.data) == (204, b"")
    assert response.headers["Access-Control-Allow-Origin"] == CLIENT
    assert response.headers["Access-Control-Allow-Methods"] == "GET, POST, PUT, DELETE, OPTIONS"
    assert response.headers["Access-Control-Allow-Headers"] == "Authorization, Content-Type, Accept"


@pytest.mark.parametrize("path", ["/checkout", "/cart/1/items", "/users/1/profile", "/auth/login"])
def test_a_preflight_is_answered_by_the_method_it_asks_for(api: Api, path: str) -> None:
    """B9: a page and an operation may share a path; POST /checkout is the API's, GET /checkout a page."""
    for method, is_api in (("POST", True), ("GET", path != "/checkout")):
        asked = {"Origin": CLIENT, "Access-Control-Request-Method": method}
        response = api.send("OPTIONS", path, headers=asked)
        assert (response.status_code == 204) is is_api
        assert ("Access-Control-Allow-Origin" in response.headers) is is_api


def test_an_allowed_origin_signs_in_without_the_cookie_and_gets_none(
    app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    def who() -> str | None:
        """Stands for a sign-in: it says whom it sees, and writes to the session."""
        if request.path != "/auth/login":
            return None
        session["found"] = "something"
        return "nobody" if web_session.current_account() is None else "somebody"

    api = Api(app).with_cookie(make_account())
    monkeypatch.setitem(app.before_request_funcs, None, [*app.before_request_funcs[None], who])
    foreign = api.post("/auth/login", headers={"Origin": CLIENT, "Sec-Fetch-Site": "same-site"})
    assert (foreign.text, "Set-Cookie" in foreign.headers) == ("nobody", False)
    own = api.post("/auth/login", headers=SAME_ORIGIN)
    assert (own.text, "Set-Cookie" in own.headers) == ("somebody", True)
