"""Every route of the shop with its access rule and, for a page, the opener that prepares a browser for it.

The tests fail for a route that is missing here, and for a page without an opener.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from storefront.accounts.values import Role
from storefront.pages.sign_in import security_settings
from storefront.web import session as web_session
from tests import access_matrix, page_openers
from tests.access_matrix import (
    ADMIN,
    ANY_STAFF,
    ORDER_STAFF,
    OWN_ORDER,
    OWNER_ONLY,
    OWNER_SIGNED_IN,
    PUBLIC,
    SIGNED_IN,
    STOCK_STAFF,
    Route,
)
from tests.api_routes import API_ROUTES
from tests.factories.catalog import make_product

OK = access_matrix.SUCCESS

TESTED_ELSEWHERE = {("health.ready", "GET")}  # uses connections of its own: test_health.py

World = Mapping[str, Any]


def at_checkout(world: World) -> dict[str, Any]:
    return {web_session.CHECKOUT: world["draft"]}


def waiting(world: World) -> dict[str, Any]:
    return {web_session.CHECKOUT: world["checkout"]}


ROUTES: dict[tuple[str, str], Route] = {
    # ---------------------------------------------------------------------------------- public
    ("static", "GET"): Route("/static/js/app.js", PUBLIC),
    ("assets.stylesheet", "GET"): Route("{stylesheet}", PUBLIC),
    ("health.health", "GET"): Route("/health", PUBLIC),
    ("metrics.show_metrics", "GET"): Route("/metrics", PUBLIC, done=frozenset({404})),  # without a token
    ("seo.robots", "GET"): Route("/robots.txt", PUBLIC),
    ("seo.sitemap", "GET"): Route("/sitemap.xml", PUBLIC),
    ("seo.sitemap_of_listings", "GET"): Route("/sitemaps/listings.xml", PUBLIC),
    ("seo.sitemap_of_products", "GET"): Route("/sitemaps/products-0.xml", PUBLIC),
    ("well_known.favicon", "GET"): Route("/favicon.ico", PUBLIC),
    ("well_known.touch_icon", "GET"): Route("/apple-touch-icon.png", PUBLIC),
    ("well_known.manifest", "GET"): Route("/site.webmanifest", PUBLIC),
    ("well_known.security_txt", "GET"): Route("/.well-known/security.txt", PUBLIC, done=frozenset({404})),
    ("well_known.change_password", "GET"): Route("/.well-known/change-password", PUBLIC),
    ("dev_mail.mailbox", "GET"): Route("/dev/mail", PUBLIC, page=page_openers.plain("/dev/mail")),
    ("dev_mail.mail", "GET"): Route("/dev/mail/none", PUBLIC, done=frozenset({404}), page=page_openers.email_page),
    ("dev_mail.mail_html", "GET"): Route("/dev/mail/none/html", PUBLIC, done=frozenset({404})),
    ("catalog.home", "GET"): Route("/", PUBLIC, page=page_openers.plain("/")),
    ("catalog.products", "GET"): Route("/products", PUBLIC, page=page_openers.plain("/products?q=the&stock=1")),
    ("catalog.category", "GET"): Route("/category/books", PUBLIC, page=page_openers.plain("/category/books")),
    ("catalog.product", "GET"): Route("{page}", PUBLIC, page=page_openers.plain("/product/5-nike-air-max-270")),
    ("catalog.suggestions", "GET"): Route(
        "/search/suggestions?q=tea", PUBLIC, page=page_openers.plain("/search/suggestions?q=tea")
    ),
    ("payments.stripe_webhook", "POST"): Route("/payments/stripe/webhook", PUBLIC, done=frozenset({404})),
    # ---------------------------------------------------------------------------------- cart and checkout
    ("cart.show", "GET"): Route("/cart", PUBLIC, page=page_openers.plain("/cart")),
    ("cart.add_line", "POST"): Route("/cart/lines", PUBLIC, {"sku": "{sku}", "quantity": "1", "place": "page"}),
    ("cart.change_line", "POST"): Route("/cart/lines/{line}", OWNER_ONLY, {"quantity": "2"}),
    ("cart.remove_line", "POST"): Route("/cart/lines/{line}/removal", OWNER_ONLY),
    ("cart.buy_again", "POST"): Route("/cart/orders/{order}", OWNER_ONLY),
    ("checkout.start", "GET"): Route("/checkout", PUBLIC, prepare=at_checkout, page=page_openers.at_checkout("")),
    **{
        (f"checkout.{step}", method): Route(
            f"/checkout/{step}", PUBLIC, prepare=at_checkout, done=OK | {422}, page=page_openers.at_checkout(step)
        )
        for step in ("contact", "delivery", "payment", "review")
        for method in ("GET", "POST")
    },
    ("checkout.placing", "GET"): Route(
        "/checkout/placing/{checkout}",
        PUBLIC,  # others read what came of the payment, and nothing personal
        prepare=waiting,
        page=lambda pages: page_openers.unconfirmed_payment(pages)[0],
    ),
    ("checkout.abandon", "POST"): Route("/checkout/placing/{checkout}/cancellation", OWNER_ONLY, prepare=waiting),
    # The sandbox's payment page: anyone with its URL may use it, as with a real provider. Production has none.
    ("payments.sandbox", "GET"): Route("{bank}", PUBLIC, page=lambda pages: page_openers.unconfirmed_payment(pages)[1]),
    ("payments.sandbox", "POST"): Route("{bank}", PUBLIC, {"decision": "decline"}, done=OK | {422}),
    # ---------------------------------------------------------------------------------- orders
    ("orders.index", "GET"): Route("/orders", PUBLIC, page=page_openers.plain("/orders")),
    ("orders.order", "GET"): Route("/orders/{order}", OWN_ORDER, page=page_openers.order_page),
    ("orders.invoice", "GET"): Route(
        "/orders/{order}/invoice", OWN_ORDER, page=lambda pages: f"{page_openers.order_page(pages)}/invoice"
    ),
    ("orders.invoice_pdf", "GET"): Route("/orders/{order}/invoice.pdf", OWN_ORDER),
    ("orders.credit_note", "GET"): Route(
        "/orders/{order}/credit-notes/1",
        OWN_ORDER,
        page=lambda pages: f"{page_openers.order_page(pages, is_refunded=True)}/credit-notes/1",
    ),
    ("orders.credit_note_pdf", "GET"): Route("/orders/{order}/credit-notes/1.pdf", OWN_ORDER),
    ("orders.show_return", "GET"): Route("/orders/{order}/return", OWN_ORDER, page=page_openers.return_page),
    ("orders.request_return", "POST"): Route("/orders/{order}/return", OWNER_ONLY, done=frozenset({400})),
    ("orders.withdraw_return", "POST"): Route(
        "/orders/{order}/return/2147483647/withdrawal", OWNER_ONLY, done=frozenset({404})
    ),
    ("orders.cancel", "POST"): Route("/orders/{order}/cancellation", OWNER_ONLY),
    ("orders.claim", "POST"): Route("/orders/claims", SIGNED_IN),
    ("orders.track", "GET"): Route("/track", PUBLIC, page=page_openers.plain("/track")),
    ("orders.track", "POST"): Route("/track", PUBLIC, done=frozenset({422})),
    # ---------------------------------------------------------------------------------- wishlist and reviews
    ("wishlist.show", "GET"): Route("/wishlist", PUBLIC, page=page_openers.guest_wishlist),
    ("wishlist.add", "POST"): Route("/wishlist/items", PUBLIC, {"product_id": "{product}"}),
    ("wishlist.choose", "POST"): Route("/wishlist/items/{wishlisted}", OWNER_ONLY, {"quantity": "2"}),
    ("wishlist.remove", "POST"): Route("/wishlist/items/{wishlisted}/removal", PUBLIC, done=OK | {404}),
    ("wishlist.share", "POST"): Route("/wishlist/share", SIGNED_IN),
    ("wishlist.stop_sharing", "POST"): Route("/wishlist/share/removal", SIGNED_IN),
    ("wishlist.shared", "GET"): Route("/wishlist/shared/{share}", PUBLIC, page=page_openers.shared_wishlist),
    ("wishlist.new_alert", "GET"): Route(
        "/wishlist/notices?sku={sku}", PUBLIC, page=lambda pages: f"/wishlist/notices?sku={make_product(stock=0).sku}"
    ),
    ("wishlist.request_alert", "POST"): Route("/wishlist/notices", PUBLIC, {"sku": "{sku}"}, done=OK | {422}),
    ("wishlist.alert", "GET"): Route("/wishlist/notices/{notice}", PUBLIC, page=page_openers.unsubscribe_page),
    ("wishlist.unsubscribe", "POST"): Route("/wishlist/notices/{notice}", PUBLIC),
    ("reviews.write", "POST"): Route(
        "/product/{product}/review", SIGNED_IN, {"rating": "5", "title": "Good", "comment": "Holds tea."}
    ),
    ("reviews.delete", "POST"): Route("/product/{product}/review/removal", SIGNED_IN),
    ("reviews.vote", "POST"): Route("/reviews/{review}/vote", access_matrix.Rule({"anonymous": 303, "owner": 403})),
    ("reviews.unvote", "POST"): Route("/reviews/{review}/vote/removal", SIGNED_IN),
    # ---------------------------------------------------------------------------------- sign-in
    ("sign_in.sign_in", "GET"): Route("/login", PUBLIC, page=page_openers.plain("/login?next=/cart")),
    ("sign_in.sign_in", "POST"): Route("/login", PUBLIC, done=OK | {422}),
    ("sign_in.sign_out", "POST"): Route("/logout", PUBLIC),
    # Refused before a correct password was entered.
    ("sign_in.second_factor", "GET"): Route("/login/code", SIGNED_IN, page=page_openers.awaiting_second_factor),
    ("sign_in.second_factor", "POST"): Route("/login/code", SIGNED_IN),
    ("sign_in.resend_second_factor", "POST"): Route("/login/code/letter", SIGNED_IN),
    ("sign_in.register", "GET"): Route("/register", PUBLIC, page=page_openers.plain("/register")),
    ("sign_in.register", "POST"): Route("/register", PUBLIC, done=OK | {422}),
    ("sign_in.registration_code", "GET"): Route("/register/code", PUBLIC, page=page_openers.registering),
    ("sign_in.registration_code", "POST"): Route("/register/code", PUBLIC),
    ("sign_in.resend_registration_code", "POST"): Route("/register/code/letter", PUBLIC),
    ("sign_in.forgotten", "GET"): Route("/password/forgotten", PUBLIC, page=page_openers.plain("/password/forgotten")),
    ("sign_in.forgotten", "POST"): Route("/password/forgotten", PUBLIC, done=OK | {422}),
    ("sign_in.reset", "GET"): Route("/password/code", PUBLIC, page=page_openers.resetting),
    ("sign_in.reset", "POST"): Route("/password/code", PUBLIC, done=OK | {422}),
    ("sign_in.resend_reset_code", "POST"): Route("/password/code/letter", PUBLIC),
    ("oidc.start", "GET"): Route("/login/with/none", PUBLIC, done=OK | {404}),
    ("oidc.callback", "GET"): Route("/login/with/none/callback", PUBLIC, done=OK | {404}),
    # ---------------------------------------------------------------------------------- the customer's account
    ("account.overview", "GET"): Route("/account", SIGNED_IN, page=page_openers.signed_in("/account")),
    ("account.profile", "GET"): Route("/account/profile", SIGNED_IN, page=page_openers.signed_in("/account/profile")),
    ("account.profile", "POST"): Route("/account/profile", SIGNED_IN, {"name": "Asha"}),
    ("account.upload_avatar", "POST"): Route("/account/avatar", SIGNED_IN, done=OK | {422}),
    ("account.remove_avatar", "POST"): Route("/account/avatar/removal", SIGNED_IN),
    ("account.avatar", "GET"): Route("/account/avatars/{owner}-" + "0" * 32, PUBLIC, done=frozenset({404})),
    ("account.addresses", "GET"): Route(
        "/account/addresses", SIGNED_IN, page=lambda pages: page_openers.own_address(pages).rpartition("/")[0]
    ),
    ("account.new_address", "GET"): Route(
        "/account/addresses/new", SIGNED_IN, page=page_openers.signed_in("/account/addresses/new")
    ),
    ("account.new_address", "POST"): Route("/account/addresses/new", SIGNED_IN, done=OK | {422}),
    ("account.address", "GET"): Route("/account/addresses/{address}", OWNER_SIGNED_IN, page=page_openers.own_address),
    ("account.address", "POST"): Route("/account/addresses/{address}", OWNER_SIGNED_IN, done=OK | {422}),
    ("account.default_address", "POST"): Route("/account/addresses/{address}/default", OWNER_SIGNED_IN),
    ("account.remove_address", "POST"): Route("/account/addresses/{address}/removal", OWNER_SIGNED_IN),
    ("account.methods", "GET"): Route(
        "/account/payment-methods", SIGNED_IN, page=page_openers.signed_in("/account/payment-methods")
    ),
    ("account.methods", "POST"): Route("/account/payment-methods", SIGNED_IN, done=OK | {422}),
    ("account.default_method", "POST"): Route("/account/payment-methods/{method}/default", OWNER_SIGNED_IN),
    ("account.remove_method", "POST"): Route("/account/payment-methods/{method}/removal", OWNER_SIGNED_IN),
    ("account.data", "GET"): Route("/account/data", SIGNED_IN, page=page_openers.signed_in("/account/data")),
    ("account.export", "GET"): Route("/account/data.json", SIGNED_IN),
    ("account.deletion", "GET"): Route(
        "/account/deletion", SIGNED_IN, page=page_openers.signed_in("/account/deletion")
    ),
    ("account.deletion", "POST"): Route("/account/deletion", SIGNED_IN, done=OK | {422}),
    ("account.send_deletion_code", "POST"): Route("/account/deletion/code", SIGNED_IN),
    ("security.overview", "GET"): Route(
        "/account/security", SIGNED_IN, page=page_openers.signed_in("/account/security")
    ),
    ("security.password", "GET"): Route(
        "/account/security/password", SIGNED_IN, page=page_openers.signed_in("/account/security/password")
    ),
    ("security.password", "POST"): Route("/account/security/password", SIGNED_IN, done=OK | {422}),
    ("security.second_factor", "GET"): Route(
        "/account/security/codes", SIGNED_IN, page=page_openers.signed_in("/account/security/codes")
    ),
    ("security.second_factor", "POST"): Route("/account/security/codes", SIGNED_IN, done=OK | {422}),
    ("security.address", "GET"): Route(
        "/account/security/email", SIGNED_IN, page=page_openers.signed_in("/account/security/email")
    ),
    ("security.address", "POST"): Route("/account/security/email", SIGNED_IN, done=OK | {422}),
    ("security.address_code", "GET"): Route(
        "/account/security/email/code",
        SIGNED_IN,
        page=page_openers.signed_in(
            "/account/security/email/code", **{security_settings.NEW_ADDRESS: "asha@new.example"}
        ),
    ),
    ("security.address_code", "POST"): Route("/account/security/email/code", SIGNED_IN, done=OK | {422}),
    ("security.resend_address_code", "POST"): Route("/account/security/email/code/letter", SIGNED_IN),
    ("security.confirmation", "POST"): Route("/account/security/email/confirmation", SIGNED_IN),
    ("security.send_reauthentication_code", "POST"): Route("/account/security/email/proof", SIGNED_IN),
    ("security.end_session", "POST"): Route("/account/security/sessions/{session}/end", SIGNED_IN),
    ("security.end_sessions", "POST"): Route("/account/security/sessions/end", SIGNED_IN),
    # ---------------------------------------------------------------------------------- staff pages
    ("staff.dashboard", "GET"): Route("/staff", ANY_STAFF, page=page_openers.as_staff("/staff", Role.ADMIN)),
    ("staff.failed_jobs", "GET"): Route("/staff/failed-jobs", ORDER_STAFF, page=page_openers.failed_jobs),
    ("staff.resume_checkout", "POST"): Route("/staff/failed-jobs/checkouts/{checkout}/attempts", ORDER_STAFF),
    ("staff.deliver_message", "POST"): Route("/staff/failed-jobs/messages/orders/2147483647/attempts", ORDER_STAFF),
    ("staff.customers", "GET"): Route(
        "/staff/customers?q=asha", ORDER_STAFF, page=page_openers.customer_admin("/staff/customers?q={email}")
    ),
    ("staff.customer", "GET"): Route(
        "/staff/customers/{owner}", ORDER_STAFF, page=page_openers.customer_admin("/staff/customers/{id}")
    ),
    ("staff.guest", "GET"): Route(
        "/staff/customers/guest?email=nobody", ORDER_STAFF, done=frozenset({404}), page=page_openers.guest_admin
    ),
    ("staff.sign_out_customer", "POST"): Route("/staff/customers/{owner}/sessions/end", ORDER_STAFF),
    ("staff.reviews", "GET"): Route("/staff/reviews", ANY_STAFF, page=page_openers.as_staff("/staff/reviews")),
    ("staff.moderate_review", "POST"): Route("/staff/reviews/{review}/visibility", ANY_STAFF, {"hidden": "1"}),
    ("staff.audit_log", "GET"): Route(
        "/staff/audit-log", ADMIN, page=page_openers.as_staff("/staff/audit-log", Role.ADMIN)
    ),
    ("staff.download_audit_log", "GET"): Route("/staff/audit-log.csv", ADMIN),
    ("staff.renamed_page", "GET"): Route("/staff/trail", ANY_STAFF, done=frozenset({301})),
    ("staff.renamed_form", "POST"): Route("/staff/orders/{order}/steps", ANY_STAFF, done=frozenset({308})),
    ("staff.api_keys", "GET"): Route(
        "/staff/api-keys", ADMIN, page=page_openers.as_staff("/staff/api-keys", Role.ADMIN)
    ),
    ("staff.make_api_key", "POST"): Route("/staff/api-keys", ADMIN, done=frozenset({422})),
    ("staff.revoke_api_key", "POST"): Route("/staff/api-keys/abcdefghijkl/revocation", ADMIN, done=frozenset({404})),
    ("staff.stock", "GET"): Route("/staff/stock", STOCK_STAFF, page=page_openers.as_staff("/staff/stock")),
    ("staff.change_stock", "POST"): Route("/staff/stock", STOCK_STAFF, done=frozenset({400})),
    ("staff.export_stock", "GET"): Route("/staff/stock.csv", STOCK_STAFF),
    ("staff.scan", "GET"): Route("/staff/stock/scan", STOCK_STAFF, page=page_openers.as_staff("/staff/stock/scan")),
    ("staff.receive_scan", "POST"): Route("/staff/stock/scan", STOCK_STAFF, done=frozenset({400})),
    ("staff.restock", "GET"): Route(
        "/staff/stock/restock", STOCK_STAFF, page=page_openers.as_staff("/staff/stock/restock")
    ),
    ("staff.movements", "GET"): Route(
        "/staff/stock/movements", STOCK_STAFF, page=page_openers.as_staff("/staff/stock/movements")
    ),
    ("staff.export_movements", "GET"): Route("/staff/stock/movements.csv", STOCK_STAFF),
    ("staff.undo_movement", "POST"): Route(
        "/staff/stock/movements/2147483647/reversal", STOCK_STAFF, done=frozenset({404})
    ),
    ("staff.upload_pictures", "POST"): Route("/staff/products/{product}/pictures", STOCK_STAFF, done=frozenset({422})),
    ("staff.arrange_pictures", "POST"): Route("/staff/products/{product}/pictures/order", STOCK_STAFF),
    ("staff.remove_picture", "POST"): Route(
        "/staff/products/{product}/pictures/2147483647/removal", STOCK_STAFF, done=frozenset({404})
    ),
    ("staff.restore_picture", "POST"): Route(
        "/staff/products/{product}/pictures/2147483647/restoration", STOCK_STAFF, done=frozenset({404})
    ),
    ("staff.products", "GET"): Route(
        "/staff/products", STOCK_STAFF, page=page_openers.product_admin("/staff/products")
    ),
    ("staff.new_product", "GET"): Route(
        "/staff/products/new", STOCK_STAFF, page=page_openers.product_admin("/staff/products/new")
    ),
    ("staff.create_product", "POST"): Route("/staff/products", STOCK_STAFF, done=frozenset({422})),
    ("staff.product", "GET"): Route(
        "/staff/products/{product}", STOCK_STAFF, page=page_openers.product_admin("/staff/products/{product}")
    ),
    ("staff.change_product", "POST"): Route("/staff/products/{product}", STOCK_STAFF, done=frozenset({422})),
    ("staff.publish_product", "POST"): Route("/staff/products/{product}/publication", STOCK_STAFF, {"publish": "0"}),
    ("staff.schedule_price", "POST"): Route("/staff/products/{product}/prices", STOCK_STAFF, done=frozenset({422})),
    ("staff.cancel_price", "POST"): Route(
        "/staff/products/{product}/prices/2147483647/cancellation", STOCK_STAFF, done=frozenset({409})
    ),
    ("staff.bulk_change", "GET"): Route(
        "/staff/products/changes?product={product}&act=hide",
        STOCK_STAFF,
        page=page_openers.product_admin("/staff/products/changes?product={product}&act=percent&figure=-10"),
    ),
    ("staff.apply_bulk_change", "POST"): Route("/staff/products/changes", STOCK_STAFF, done=frozenset({400})),
    ("staff.categories", "GET"): Route(
        "/staff/products/categories", STOCK_STAFF, page=page_openers.product_admin("/staff/products/categories")
    ),
    ("staff.create_category", "POST"): Route("/staff/products/categories", STOCK_STAFF, done=frozenset({422})),
    ("staff.category", "GET"): Route(
        "/staff/products/categories/1",
        STOCK_STAFF,
        page=page_openers.product_admin("/staff/products/categories/{category}"),
    ),
    ("staff.change_category", "POST"): Route("/staff/products/categories/1", STOCK_STAFF, done=frozenset({422})),
    ("staff.remove_category", "POST"): Route(
        "/staff/products/categories/1/removal", STOCK_STAFF, done=frozenset({409})
    ),
    ("staff.synonyms", "GET"): Route(
        "/staff/products/synonyms", STOCK_STAFF, page=page_openers.product_admin("/staff/products/synonyms")
    ),
    ("staff.add_synonyms", "POST"): Route("/staff/products/synonyms", STOCK_STAFF, done=frozenset({422})),
    ("staff.remove_synonyms", "POST"): Route("/staff/products/synonyms/1/removal", STOCK_STAFF),
    ("staff.imports", "GET"): Route(
        "/staff/stock/imports", STOCK_STAFF, page=page_openers.as_staff("/staff/stock/imports")
    ),
    ("staff.upload_import", "POST"): Route("/staff/stock/imports", STOCK_STAFF, done=frozenset({422})),
    ("staff.show_import", "GET"): Route(
        "/staff/stock/imports/2147483647", STOCK_STAFF, done=frozenset({404}), page=page_openers.stock_import
    ),
    ("staff.export_problems", "GET"): Route(
        "/staff/stock/imports/2147483647/problems.csv", STOCK_STAFF, done=frozenset({404})
    ),
    ("staff.apply_import", "POST"): Route(
        "/staff/stock/imports/2147483647/application", STOCK_STAFF, done=frozenset({404})
    ),
    ("staff.orders", "GET"): Route("/staff/orders", ORDER_STAFF, page=page_openers.order_admin("/staff/orders")),
    ("staff.change_orders", "POST"): Route("/staff/orders", ORDER_STAFF, done=frozenset({400})),
    ("staff.export_orders", "GET"): Route("/staff/orders.csv", ORDER_STAFF),
    ("staff.refund_order", "POST"): Route("/staff/orders/{order}/refunds", ORDER_STAFF, done=frozenset({400})),
    ("staff.cancel_order", "POST"): Route("/staff/orders/{order}/cancellation", ORDER_STAFF),
    ("staff.release_order", "POST"): Route("/staff/orders/{order}/release", ORDER_STAFF, done=frozenset({409})),
    ("staff.refuse_order", "POST"): Route("/staff/orders/{order}/refusal", ORDER_STAFF, done=frozenset({422})),
    ("staff.mark_undelivered", "POST"): Route("/staff/orders/{order}/undelivered", ORDER_STAFF, done=frozenset({409})),
    ("staff.receive_cash", "POST"): Route("/staff/orders/{order}/cash", ORDER_STAFF, done=frozenset({409})),
    ("staff.returns", "GET"): Route("/staff/returns", ORDER_STAFF, page=page_openers.returns_admin),
    ("staff.approve_return", "POST"): Route("/staff/returns/2147483647/approval", ORDER_STAFF, done=frozenset({404})),
    ("staff.decline_return", "POST"): Route("/staff/returns/2147483647/refusal", ORDER_STAFF, done=frozenset({404})),
    ("staff.order", "GET"): Route(
        "/staff/orders/{order}", ORDER_STAFF, page=page_openers.order_admin("/staff/orders/{order}")
    ),
    ("staff.take_step", "POST"): Route("/staff/orders/{order}/status", ORDER_STAFF, {"step": "processing"}),
    ("staff.correct_parcel", "POST"): Route("/staff/orders/{order}/tracking", ORDER_STAFF, {"tracking": "AWB 1"}),
    ("staff.packing_slips", "GET"): Route(
        "/staff/orders/packing-slips?order={order}",
        ORDER_STAFF,
        page=page_openers.order_admin("/staff/orders/packing-slips?order={order}"),
    ),
    ("staff.packing_slips_pdf", "GET"): Route("/staff/orders/packing-slips.pdf?order={order}", ORDER_STAFF),
    ("staff.order_invoice", "GET"): Route(
        "/staff/orders/{order}/invoice", ORDER_STAFF, page=page_openers.order_admin("/staff/orders/{order}/invoice")
    ),
    ("staff.order_invoice_pdf", "GET"): Route("/staff/orders/{order}/invoice.pdf", ORDER_STAFF),
    ("staff.order_credit_note", "GET"): Route(
        "/staff/orders/{order}/credit-notes/1",
        ORDER_STAFF,
        page=page_openers.order_admin("/staff/orders/{order}/credit-notes/1", is_refunded=True),
    ),
    ("staff.order_credit_note_pdf", "GET"): Route("/staff/orders/{order}/credit-notes/1.pdf", ORDER_STAFF),
    ("staff.webhook_list", "GET"): Route("/staff/webhooks", ADMIN, page=page_openers.webhook_admin("/staff/webhooks")),
    ("staff.add_webhook", "POST"): Route("/staff/webhooks", ADMIN, done=frozenset({422})),
    ("staff.webhook", "GET"): Route(
        "/staff/webhooks/{webhook}", ADMIN, page=page_openers.webhook_admin("/staff/webhooks/{webhook}")
    ),
    ("staff.change_webhook", "POST"): Route("/staff/webhooks/{webhook}", ADMIN, done=frozenset({422})),
    ("staff.pause_webhook", "POST"): Route("/staff/webhooks/{webhook}/pause", ADMIN),
    ("staff.resume_webhook", "POST"): Route("/staff/webhooks/{webhook}/resumption", ADMIN),
    ("staff.rotate_webhook_secret", "POST"): Route("/staff/webhooks/{webhook}/secret", ADMIN, done=frozenset({409})),
    ("staff.test_webhook", "POST"): Route("/staff/webhooks/{webhook}/test-events", ADMIN),
    ("staff.resend_failed_webhooks", "POST"): Route(
        "/staff/webhooks/{webhook}/resending", ADMIN, done=frozenset({422})
    ),
    ("staff.remove_webhook", "POST"): Route("/staff/webhooks/{webhook}/removal", ADMIN),
    ("staff.webhook_delivery", "GET"): Route(
        "/staff/webhooks/{webhook}/deliveries/{delivery}",
        ADMIN,
        page=page_openers.webhook_admin("/staff/webhooks/{webhook}/deliveries/{delivery}"),
    ),
    ("staff.resend_webhook_delivery", "POST"): Route(
        "/staff/webhooks/{webhook}/deliveries/{delivery}/resending", ADMIN
    ),
    ("media.media", "GET"): Route("/media/" + "0" * 32 + "-320.webp", PUBLIC, done=frozenset({404})),
    **API_ROUTES,
}

PAGES = {
    endpoint: route.page for (endpoint, method), route in ROUTES.items() if method == "GET" and route.page is not None
}
