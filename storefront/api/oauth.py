"""OAuth 2 client credentials (RFC 6749, section 4.4): a program exchanges its API key for a short-lived token.

The protocol is Authlib's. Errors are those of the RFC, not of the contract: OAuth libraries read them.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING, Any

from flask import request
from flask.typing import ResponseReturnValue

from storefront.accounts import service as accounts
from storefront.accounts.service import ApiKey, InvalidApiKey, KeyProblem, Scope
from storefront.api.operations import bp
from storefront.core.security_log import SecurityEvent, security_event
from storefront.web import api_callers

if TYPE_CHECKING:
    from authlib.integrations.flask_oauth2 import AuthorizationServer

METHODS = ("client_secret_basic", "client_secret_post")

OPENAPI: dict[str, Any] = {
    "tags": ["auth"],
    "operationId": "issueClientToken",
    "summary": "Exchange an API key for a token (OAuth 2 client credentials).",
    "description": (
        "The client id is the key's id, the client secret the whole key; by HTTP Basic or in the form. The token is "
        "valid for 15 minutes, and ends at once when the key is revoked. Errors are those of RFC 6749."
    ),
    "security": [],
    "requestBody": {
        "required": True,
        "content": {
            "application/x-www-form-urlencoded": {
                "schema": {
                    "type": "object",
                    "required": ["grant_type"],
                    "properties": {
                        "grant_type": {"type": "string", "const": "client_credentials"},
                        "scope": {
                            "type": "string",
                            "description": "Some of the key's scopes, separated by blanks; all of them by default",
                        },
                        "client_id": {"type": "string"},
                        "client_secret": {"type": "string"},
                    },
                }
            }
        },
    },
    "responses": {
        "200": {
            "description": "Success",
            "content": {
                "application/json": {
                    "schema": {
                        "type": "object",
                        "required": ["access_token", "token_type", "expires_in", "scope"],
                        "properties": {
                            "access_token": {"type": "string"},
                            "token_type": {"type": "string", "const": "Bearer"},
                            "expires_in": {"type": "integer", "description": "Seconds"},
                            "scope": {"type": "string"},
                        },
                    }
                }
            },
        },
        "400": {"description": "invalid_request, invalid_scope or unsupported_grant_type"},
        "401": {"description": "invalid_client: the key is not accepted"},
        "429": {"$ref": "#/components/responses/TooManyRequests"},
    },
}


@bp.post("/oauth/token", strict_slashes=False)
def token() -> ResponseReturnValue:
    """Issue a token for an API key."""
    response: ResponseReturnValue = _server().create_token_response()
    return response


class Client:
    """A client as Authlib asks for it, by duck typing: its `ClientMixin` has the same methods.

    :ivar key: once the secret was right
    """

    def __init__(self, client_id: str) -> None:
        self.client_id = client_id
        self.key: ApiKey | None = None

    def get_client_id(self) -> str:
        """The id that the caller named."""
        return self.client_id

    def check_client_secret(self, secret: str) -> bool:
        """Whether it is the key with this id, and is accepted.

        :raise RateLimitExceeded: too many were refused from this IP address
        """
        try:
            key = api_callers.key_of_secret(secret)
        except InvalidApiKey:
            return False
        if key.id != self.client_id:
            api_callers.refuse(InvalidApiKey(KeyProblem.UNKNOWN, key.id))
            return False
        self.key = key
        return True

    def check_endpoint_auth_method(self, method: str, endpoint: str) -> bool:
        """Whether it may authenticate in this way."""
        return method in METHODS

    def check_grant_type(self, grant_type: str) -> bool:
        """Whether it may use this grant: there is only one."""
        return grant_type == "client_credentials"

    def get_allowed_scope(self, scope: str | None) -> str | None:
        """The scopes of its token: those that it asks for, or all of its key; None if it asks for others."""
        granted = self.key.scopes if self.key else frozenset()
        wanted = set((scope or "").split())
        if not wanted <= granted:
            security_event(SecurityEvent.ACCESS_REFUSED, api_key=self.client_id, scope=scope)
            return None
        return " ".join(sorted(wanted or granted))


def _authenticate_by_header(query_client: Callable[[str], Client], asked: Any) -> Client | None:
    """The client of an Authorization header; instead of Authlib's own, which fails at bytes that are no UTF-8."""
    sent = request.authorization
    if sent is None or sent.type != "basic" or not sent.username or not sent.password:
        return None
    client = query_client(sent.username)
    return client if client.check_client_secret(sent.password) else None


@cache
def _server() -> AuthorizationServer:
    """Authlib's server: made with the first request, as few shops have one."""
    from authlib.integrations.flask_oauth2 import AuthorizationServer
    from authlib.integrations.flask_oauth2.requests import FlaskOAuth2Payload, FlaskOAuth2Request
    from authlib.oauth2.rfc6749 import OAuth2Request
    from authlib.oauth2.rfc6749.grants import ClientCredentialsGrant

    class Request(FlaskOAuth2Request):  # type: ignore[misc]
        """A request as the shop received it; whether that was secure is decided by `request_guards` and the proxy."""

        def __init__(self) -> None:
            OAuth2Request.__init__(
                self, request.method, request.url.replace("http:", "https:", 1), None, request.headers
            )
            self._request = request
            self.payload = FlaskOAuth2Payload(request)

    class Server(AuthorizationServer):  # type: ignore[misc]
        def create_oauth2_request(self, request: Any) -> Request:
            return Request()

    class Grant(ClientCredentialsGrant):  # type: ignore[misc]
        TOKEN_ENDPOINT_AUTH_METHODS = METHODS

    server = Server(query_client=Client, save_token=lambda token, request: None)
    server.register_client_auth_method("client_secret_basic", _authenticate_by_header)
    server.register_token_generator("default", _generate)
    server.register_grant(Grant)
    return server


def _generate(grant_type: str, client: Client, scope: str | None = None, **rest: Any) -> dict[str, Any]:
    """Make the content of the answer.

    :raise InvalidScopeError: the key does not have a scope that is asked for
    """
    from authlib.oauth2.rfc6749.errors import InvalidScopeError

    allowed = client.get_allowed_scope(scope)
    if allowed is None or client.key is None:
        raise InvalidScopeError
    issued, seconds = accounts.issue_client_token(client.key, map(Scope, allowed.split()))
    return {"access_token": issued, "token_type": "Bearer", "expires_in": seconds, "scope": allowed}
