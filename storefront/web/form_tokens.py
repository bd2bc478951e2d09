"""CSRF tokens of forms. A visitor without a session needs none: the browser says that the form is the shop's own."""

from __future__ import annotations

from flask import Flask, g, request, session
from flask_wtf import CSRFProtect
from flask_wtf.csrf import generate_csrf

from storefront.web.same_origin import is_surely_same_origin
from storefront.web.visitor_cookie import CSRF_TOKEN, has_session_cookie


class FormTokens(CSRFProtect):
    """Checks the token of every unsafe request before its view; a view without other fields needs no form class.

    A form of a page that was made for a newcomer has an empty token, and a browser without a session has none to
    compare with. For both `Sec-Fetch-Site` or `Origin` must name the shop itself, which no other site can bring about.
    """

    def init_app(self, app: Flask) -> None:
        super().init_app(app)
        app.jinja_env.globals["csrf_token"] = form_token
        app.context_processor(lambda: {"csrf_token": form_token})

    def protect(self, apply_exemptions: bool = False) -> None:
        is_newcomers = request.form.get(CSRF_TOKEN) == "" or not has_session_cookie()
        if is_newcomers and is_surely_same_origin():
            g.csrf_valid = True
            return
        super().protect(apply_exemptions)


def form_token() -> str:
    """The token for a form; empty for a visitor without a session, who then gets no cookie by looking at it."""
    is_newcomer = not session and not has_session_cookie()
    return "" if is_newcomer and CSRF_TOKEN not in g else generate_csrf()
