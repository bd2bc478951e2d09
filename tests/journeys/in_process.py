"""A browser whose requests the application of the test's own process answers, so that everything is rolled back."""

from __future__ import annotations

from contextlib import closing

from playwright.sync_api import Page, Route

from tests.page_client import Pages

ORIGIN = "http://shop.test"


def show(page: Page, pages: Pages, url: str) -> None:
    """Open a page of the application in a browser, as the visitor of `pages`."""

    def answer(route: Route) -> None:
        sent = route.request
        if not sent.url.startswith(ORIGIN):
            route.abort()
            return
        path = sent.url.removeprefix(ORIGIN)
        with closing(pages.client.open(path, method=sent.method, follow_redirects=True)) as got:
            route.fulfill(status=got.status_code, headers=dict(got.headers), body=got.get_data())

    page.unroute_all()
    page.route("**/*", answer)
    page.goto(ORIGIN + url)
