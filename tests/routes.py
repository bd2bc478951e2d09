"""Every route of the shop: whom it lets in and, if it is a page, how it is opened.

A route without a line here fails the tests, and so does a page that is not opened as one.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from storefront.accounts.service import Role
from storefront.pages.sign_in import security_settings
from storefront.web import session as web_session
from tests import access_matrix, page_openers
from tests.access_matrix import (
    ADMIN_DESK,
    ANY_DESK,
    ANYONE,
    API_CHANGE_ORDER,
    API_OF_USER,
    API_OWN_ORDER,
    API_SIGNED_IN,
    API_STOCK,
    MINE,
    MINE_SIGNED_IN,
    MY_ORDER,
    ORDER_DESK,
    SIGNED_IN,
    STOCK_DESK,
    Door,
)
from tests.factories.catalog import make_product

OK = access_matrix.DONE

ELSEWHERE = {("health.ready", "GET")}  # looks at the databases past the test's own connections: test_health.py

World = Mapping[str, Any]


def at_checkout(world: World) -> dict[str, Any]:
    return {web_session.CHECKOUT: world["draft"]}


def waiting(world: World) -> dict[str, Any]:
    return {web_session.CHECKOUT: world["checkout"]}


DOORS: dict[tuple[str, str], Door] = {
    # ---------------------------------------------------------------------------------- everyone's
    ("static", "GET"): Door("/static/js/app.js", ANYONE),
    ("assets.stylesheet", "GET"): Door("{stylesheet}", ANYONE),
    ("health.health", "GET"): Door("/health", ANYONE),
    ("seo.robots", "GET"): Door("/robots.txt", ANYONE),
    ("seo.sitemap", "GET"): Door("/sitemap.xml", ANYONE),
    ("seo.sitemap_of_listings", "GET"): Door("/sitemaps/listings.xml", ANYONE),
    ("seo.sitemap_of_products", "GET"): Door("/sitemaps/products-0.xml", ANYONE),
    ("well_known.favicon", "GET"): Door("/favicon.ico", ANYONE),
    ("well_known.touch_icon", "GET"): Door("/apple-touch-icon.png", ANYONE),
    ("well_known.manifest", "GET"): Door("/site.webmanifest", ANYONE),
    ("well_known.security_txt", "GET"): Door("/.well-known/security.txt", ANYONE, done=frozenset({404})),
    ("well_known.change_password", "GET"): Door("/.well-known/change-password", ANYONE),
    ("dev_mail.mailbox", "GET"): Door("/dev/mail", ANYONE, page=page_openers.plain("/dev/mail")),
    ("dev_mail.mail", "GET"): Door("/dev/mail/none", ANYONE, done=frozenset({404}), page=page_openers.letter),
    ("dev_mail.mail_html", "GET"): Door("/dev/mail/none/html", ANYONE, done=frozenset({404})),
    ("catalog.home", "GET"): Door("/", ANYONE, page=page_openers.plain("/")),
    ("catalog.products", "GET"): Door("/products", ANYONE, page=page_openers.plain("/products?q=the&stock=1")),
    ("catalog.category", "GET"): Door("/category/books", ANYONE, page=page_openers.plain("/category/books")),
    ("catalog.product", "GET"): Door("{page}", ANYONE, page=page_openers.plain("/product/5-nike-air-max-270")),
    ("catalog.suggestions", "GET"): Door(
        "/search/suggestions?q=tea", ANYONE, page=page_openers.plain("/search/suggestions?q=tea")
    ),
    ("payments.stripe_webhook", "POST"): Door("/payments/stripe/webhook", ANYONE, done=frozenset({404})),
    # ---------------------------------------------------------------------------------- a cart and its checkout
    ("cart.show", "GET"): Door("/cart", ANYONE, page=page_openers.plain("/cart")),
    ("cart.add_line", "POST"): Door("/cart/lines", ANYONE, {"sku": "{sku}", "quantity": "1", "place": "page"}),
    ("cart.change_line", "POST"): Door("/cart/lines/{line}", MINE, {"quantity": "2"}),
    ("cart.remove_line", "POST"): Door("/cart/lines/{line}/removal", MINE),
    ("cart.buy_again", "POST"): Door("/cart/orders/{order}", MINE),
    ("checkout.start", "GET"): Door("/checkout", ANYONE, prepare=at_checkout, page=page_openers.at_checkout("")),
    **{
        (f"checkout.{step}", method): Door(
            f"/checkout/{step}", ANYONE, prepare=at_checkout, done=OK | {422}, page=page_openers.at_checkout(step)
        )
        for step in ("contact", "delivery", "payment", "review")
        for method in ("GET", "POST")
    },
    ("checkout.placing", "GET"): Door(
        "/checkout/placing/{checkout}",
        MINE,
        prepare=waiting,
        page=lambda pages: page_openers.waiting_for_the_bank(pages)[0],
    ),
    ("checkout.abandon", "POST"): Door("/checkout/placing/{checkout}/cancellation", MINE, prepare=waiting),
    # The bank's page: whoever holds its address may answer, as with the real one; production has none.
    ("payments.sandbox", "GET"): Door("{bank}", ANYONE, page=lambda pages: page_openers.waiting_for_the_bank(pages)[1]),
    ("payments.sandbox", "POST"): Door("{bank}", ANYONE, {"decision": "decline"}, done=OK | {422}),
    # ---------------------------------------------------------------------------------- orders
    ("orders.index", "GET"): Door("/orders", ANYONE, page=page_openers.plain("/orders")),
    ("orders.order", "GET"): Door("/orders/{order}", MY_ORDER, page=page_openers.ordered),
    ("orders.invoice", "GET"): Door(
        "/orders/{order}/invoice", MY_ORDER, page=lambda pages: f"{page_openers.ordered(pages)}/invoice"
    ),
    ("orders.invoice_pdf", "GET"): Door("/orders/{order}/invoice.pdf", MY_ORDER),
    ("orders.credit_note", "GET"): Door(
        "/orders/{order}/credit-notes/1",
        MY_ORDER,
        page=lambda pages: f"{page_openers.ordered(pages, is_refunded=True)}/credit-notes/1",
    ),
    ("orders.credit_note_pdf", "GET"): Door("/orders/{order}/credit-notes/1.pdf", MY_ORDER),
    ("orders.show_return", "GET"): Door("/orders/{order}/return", MY_ORDER, page=page_openers.delivered),
    ("orders.request_return", "POST"): Door("/orders/{order}/return", MINE, done=frozenset({400})),
    ("orders.withdraw_return", "POST"): Door(
        "/orders/{order}/return/2147483647/withdrawal", MINE, done=frozenset({404})
    ),
    ("orders.cancel", "POST"): Door("/orders/{order}/cancellation", MINE),
    ("orders.claim", "POST"): Door("/orders/claims", SIGNED_IN),
    ("orders.track", "GET"): Door("/track", ANYONE, page=page_openers.plain("/track")),
    ("orders.track", "POST"): Door("/track", ANYONE, done=frozenset({422})),
    # ---------------------------------------------------------------------------------- wishes and reviews
    ("wishlist.show", "GET"): Door("/wishlist", ANYONE, page=page_openers.with_a_wish),
    ("wishlist.add", "POST"): Door("/wishlist/items", ANYONE, {"product_id": "{product}"}),
    ("wishlist.choose", "POST"): Door("/wishlist/items/{wished}", MINE, {"quantity": "2"}),
    ("wishlist.remove", "POST"): Door("/wishlist/items/{wished}/removal", ANYONE, done=OK | {404}),
    ("wishlist.share", "POST"): Door("/wishlist/share", SIGNED_IN),
    ("wishlist.stop_sharing", "POST"): Door("/wishlist/share/removal", SIGNED_IN),
    ("wishlist.shared", "GET"): Door("/wishlist/shared/{share}", ANYONE, page=page_openers.shared_wishes),
    ("wishlist.new_alert", "GET"): Door(
        "/wishlist/notices?sku={sku}", ANYONE, page=lambda pages: f"/wishlist/notices?sku={make_product(stock=0).sku}"
    ),
    ("wishlist.request_alert", "POST"): Door("/wishlist/notices", ANYONE, {"sku": "{sku}"}, done=OK | {422}),
    ("wishlist.alert", "GET"): Door("/wishlist/notices/{notice}", ANYONE, page=page_openers.unsubscribing),
    ("wishlist.unsubscribe", "POST"): Door("/wishlist/notices/{notice}", ANYONE),
    ("reviews.write", "POST"): Door(
        "/product/{product}/review", SIGNED_IN, {"rating": "5", "title": "Good", "comment": "Holds tea."}
    ),
    ("reviews.delete", "POST"): Door("/product/{product}/review/removal", SIGNED_IN),
    ("reviews.vote", "POST"): Door("/reviews/{review}/vote", access_matrix.Rule({"anonymous": 303, "owner": 403})),
    ("reviews.unvote", "POST"): Door("/reviews/{review}/vote/removal", SIGNED_IN),
    # ---------------------------------------------------------------------------------- signing in
    ("sign_in.sign_in", "GET"): Door("/login", ANYONE, page=page_openers.plain("/login?next=/cart")),
    ("sign_in.sign_in", "POST"): Door("/login", ANYONE, done=OK | {422}),
    ("sign_in.sign_out", "POST"): Door("/logout", ANYONE),
    # Without a password that was right there is nothing to enter a code for.
    ("sign_in.second_factor", "GET"): Door("/login/code", SIGNED_IN, page=page_openers.half_signed_in),
    ("sign_in.second_factor", "POST"): Door("/login/code", SIGNED_IN),
    ("sign_in.resend_second_factor", "POST"): Door("/login/code/letter", SIGNED_IN),
    ("sign_in.register", "GET"): Door("/register", ANYONE, page=page_openers.plain("/register")),
    ("sign_in.register", "POST"): Door("/register", ANYONE, done=OK | {422}),
    ("sign_in.registration_code", "GET"): Door("/register/code", ANYONE, page=page_openers.registering),
    ("sign_in.registration_code", "POST"): Door("/register/code", ANYONE),
    ("sign_in.resend_registration_code", "POST"): Door("/register/code/letter", ANYONE),
    ("sign_in.forgotten", "GET"): Door("/password/forgotten", ANYONE, page=page_openers.plain("/password/forgotten")),
    ("sign_in.forgotten", "POST"): Door("/password/forgotten", ANYONE, done=OK | {422}),
    ("sign_in.reset", "GET"): Door("/password/code", ANYONE, page=page_openers.resetting),
    ("sign_in.reset", "POST"): Door("/password/code", ANYONE, done=OK | {422}),
    ("sign_in.resend_reset_code", "POST"): Door("/password/code/letter", ANYONE),
    ("oidc.start", "GET"): Door("/login/with/none", ANYONE, done=OK | {404}),
    ("oidc.callback", "GET"): Door("/login/with/none/callback", ANYONE, done=OK | {404}),
    # ---------------------------------------------------------------------------------- one's own account
    ("account.overview", "GET"): Door("/account", SIGNED_IN, page=page_openers.signed_in("/account")),
    ("account.profile", "GET"): Door("/account/profile", SIGNED_IN, page=page_openers.signed_in("/account/profile")),
    ("account.profile", "POST"): Door("/account/profile", SIGNED_IN, {"name": "Asha"}),
    ("account.upload_avatar", "POST"): Door("/account/avatar", SIGNED_IN, done=OK | {422}),
    ("account.remove_avatar", "POST"): Door("/account/avatar/removal", SIGNED_IN),
    ("account.avatar", "GET"): Door("/account/avatars/{owner}-" + "0" * 32, ANYONE, done=frozenset({404})),
    ("account.addresses", "GET"): Door(
        "/account/addresses", SIGNED_IN, page=lambda pages: page_openers.own_address(pages).rpartition("/")[0]
    ),
    ("account.new_address", "GET"): Door(
        "/account/addresses/new", SIGNED_IN, page=page_openers.signed_in("/account/addresses/new")
    ),
    ("account.new_address", "POST"): Door("/account/addresses/new", SIGNED_IN, done=OK | {422}),
    ("account.address", "GET"): Door("/account/addresses/{address}", MINE_SIGNED_IN, page=page_openers.own_address),
    ("account.address", "POST"): Door("/account/addresses/{address}", MINE_SIGNED_IN, done=OK | {422}),
    ("account.default_address", "POST"): Door("/account/addresses/{address}/default", MINE_SIGNED_IN),
    ("account.remove_address", "POST"): Door("/account/addresses/{address}/removal", MINE_SIGNED_IN),
    ("account.methods", "GET"): Door(
        "/account/payment-methods", SIGNED_IN, page=page_openers.signed_in("/account/payment-methods")
    ),
    ("account.methods", "POST"): Door("/account/payment-methods", SIGNED_IN, done=OK | {422}),
    ("account.default_method", "POST"): Door("/account/payment-methods/{method}/default", MINE_SIGNED_IN),
    ("account.remove_method", "POST"): Door("/account/payment-methods/{method}/removal", MINE_SIGNED_IN),
    ("account.data", "GET"): Door("/account/data", SIGNED_IN, page=page_openers.signed_in("/account/data")),
    ("account.export", "GET"): Door("/account/data.json", SIGNED_IN),
    ("account.deletion", "GET"): Door("/account/deletion", SIGNED_IN, page=page_openers.signed_in("/account/deletion")),
    ("account.deletion", "POST"): Door("/account/deletion", SIGNED_IN, done=OK | {422}),
    ("account.send_deletion_code", "POST"): Door("/account/deletion/code", SIGNED_IN),
    ("security.overview", "GET"): Door(
        "/account/security", SIGNED_IN, page=page_openers.signed_in("/account/security")
    ),
    ("security.password", "GET"): Door(
        "/account/security/password", SIGNED_IN, page=page_openers.signed_in("/account/security/password")
    ),
    ("security.password", "POST"): Door("/account/security/password", SIGNED_IN, done=OK | {422}),
    ("security.second_factor", "GET"): Door(
        "/account/security/codes", SIGNED_IN, page=page_openers.signed_in("/account/security/codes")
    ),
    ("security.second_factor", "POST"): Door("/account/security/codes", SIGNED_IN, done=OK | {422}),
    ("security.address", "GET"): Door(
        "/account/security/email", SIGNED_IN, page=page_openers.signed_in("/account/security/email")
    ),
    ("security.address", "POST"): Door("/account/security/email", SIGNED_IN, done=OK | {422}),
    ("security.address_code", "GET"): Door(
        "/account/security/email/code",
        SIGNED_IN,
        page=page_openers.signed_in(
            "/account/security/email/code", **{security_settings.NEW_ADDRESS: "asha@new.example"}
        ),
    ),
    ("security.address_code", "POST"): Door("/account/security/email/code", SIGNED_IN, done=OK | {422}),
    ("security.resend_address_code", "POST"): Door("/account/security/email/code/letter", SIGNED_IN),
    ("security.confirmation", "POST"): Door("/account/security/email/confirmation", SIGNED_IN),
    ("security.send_reauthentication_code", "POST"): Door("/account/security/email/proof", SIGNED_IN),
    ("security.end_session", "POST"): Door("/account/security/sessions/{session}/end", SIGNED_IN),
    ("security.end_sessions", "POST"): Door("/account/security/sessions/end", SIGNED_IN),
    # ---------------------------------------------------------------------------------- the desks of the staff
    ("staff.dashboard", "GET"): Door("/staff", ANY_DESK, page=page_openers.at_desk("/staff", Role.ADMIN)),
    ("staff.failed_jobs", "GET"): Door("/staff/troubles", ORDER_DESK, page=page_openers.troubled),
    ("staff.resume_checkout", "POST"): Door("/staff/troubles/checkouts/{checkout}/attempts", ORDER_DESK),
    ("staff.deliver_message", "POST"): Door("/staff/troubles/messages/orders/2147483647/attempts", ORDER_DESK),
    ("staff.customers", "GET"): Door(
        "/staff/customers?q=asha", ORDER_DESK, page=page_openers.at_customers("/staff/customers?q={email}")
    ),
    ("staff.customer", "GET"): Door(
        "/staff/customers/{owner}", ORDER_DESK, page=page_openers.at_customers("/staff/customers/{id}")
    ),
    ("staff.guest", "GET"): Door(
        "/staff/customers/guest?email=nobody", ORDER_DESK, done=frozenset({404}), page=page_openers.at_guest
    ),
    ("staff.sign_out_customer", "POST"): Door("/staff/customers/{owner}/sessions/end", ORDER_DESK),
    ("staff.reviews", "GET"): Door("/staff/reviews", ANY_DESK, page=page_openers.at_desk("/staff/reviews")),
    ("staff.moderate_review", "POST"): Door("/staff/reviews/{review}/visibility", ANY_DESK, {"hidden": "1"}),
    ("staff.audit_log", "GET"): Door("/staff/trail", ADMIN_DESK, page=page_openers.at_desk("/staff/trail", Role.ADMIN)),
    ("staff.download_audit_log", "GET"): Door("/staff/trail.csv", ADMIN_DESK),
    ("staff.stock", "GET"): Door("/staff/stock", STOCK_DESK, page=page_openers.at_desk("/staff/stock")),
    ("staff.change_stock", "POST"): Door("/staff/stock", STOCK_DESK, done=frozenset({400})),
    ("staff.export_stock", "GET"): Door("/staff/stock.csv", STOCK_DESK),
    ("staff.scan", "GET"): Door("/staff/stock/scan", STOCK_DESK, page=page_openers.at_desk("/staff/stock/scan")),
    ("staff.receive_scan", "POST"): Door("/staff/stock/scan", STOCK_DESK, done=frozenset({400})),
    ("staff.restock", "GET"): Door(
        "/staff/stock/restock", STOCK_DESK, page=page_openers.at_desk("/staff/stock/restock")
    ),
    ("staff.movements", "GET"): Door(
        "/staff/stock/movements", STOCK_DESK, page=page_openers.at_desk("/staff/stock/movements")
    ),
    ("staff.export_movements", "GET"): Door("/staff/stock/movements.csv", STOCK_DESK),
    ("staff.undo_movement", "POST"): Door(
        "/staff/stock/movements/2147483647/reversal", STOCK_DESK, done=frozenset({404})
    ),
    ("staff.upload_pictures", "POST"): Door("/staff/products/{product}/pictures", STOCK_DESK, done=frozenset({422})),
    ("staff.arrange_pictures", "POST"): Door("/staff/products/{product}/pictures/arrangement", STOCK_DESK),
    ("staff.remove_picture", "POST"): Door(
        "/staff/products/{product}/pictures/2147483647/removal", STOCK_DESK, done=frozenset({404})
    ),
    ("staff.bring_picture_back", "POST"): Door(
        "/staff/products/{product}/pictures/2147483647/return", STOCK_DESK, done=frozenset({404})
    ),
    ("staff.products", "GET"): Door(
        "/staff/products", STOCK_DESK, page=page_openers.at_product_desk("/staff/products")
    ),
    ("staff.new_product", "GET"): Door(
        "/staff/products/new", STOCK_DESK, page=page_openers.at_product_desk("/staff/products/new")
    ),
    ("staff.create_product", "POST"): Door("/staff/products", STOCK_DESK, done=frozenset({422})),
    ("staff.product", "GET"): Door(
        "/staff/products/{product}", STOCK_DESK, page=page_openers.at_product_desk("/staff/products/{product}")
    ),
    ("staff.change_product", "POST"): Door("/staff/products/{product}", STOCK_DESK, done=frozenset({422})),
    ("staff.publish_product", "POST"): Door("/staff/products/{product}/publication", STOCK_DESK, {"publish": "0"}),
    ("staff.schedule_price", "POST"): Door("/staff/products/{product}/prices", STOCK_DESK, done=frozenset({422})),
    ("staff.cancel_price", "POST"): Door(
        "/staff/products/{product}/prices/2147483647/cancellation", STOCK_DESK, done=frozenset({409})
    ),
    ("staff.bulk_change", "GET"): Door(
        "/staff/products/changes?product={product}&act=hide",
        STOCK_DESK,
        page=page_openers.at_product_desk("/staff/products/changes?product={product}&act=percent&figure=-10"),
    ),
    ("staff.apply_bulk_change", "POST"): Door("/staff/products/changes", STOCK_DESK, done=frozenset({400})),
    ("staff.categories", "GET"): Door(
        "/staff/products/categories", STOCK_DESK, page=page_openers.at_product_desk("/staff/products/categories")
    ),
    ("staff.create_category", "POST"): Door("/staff/products/categories", STOCK_DESK, done=frozenset({422})),
    ("staff.category", "GET"): Door(
        "/staff/products/categories/1",
        STOCK_DESK,
        page=page_openers.at_product_desk("/staff/products/categories/{category}"),
    ),
    ("staff.change_category", "POST"): Door("/staff/products/categories/1", STOCK_DESK, done=frozenset({422})),
    ("staff.remove_category", "POST"): Door("/staff/products/categories/1/removal", STOCK_DESK, done=frozenset({409})),
    ("staff.imports", "GET"): Door(
        "/staff/stock/imports", STOCK_DESK, page=page_openers.at_desk("/staff/stock/imports")
    ),
    ("staff.upload_import", "POST"): Door("/staff/stock/imports", STOCK_DESK, done=frozenset({422})),
    ("staff.show_import", "GET"): Door(
        "/staff/stock/imports/2147483647", STOCK_DESK, done=frozenset({404}), page=page_openers.checked_file
    ),
    ("staff.apply_import", "POST"): Door(
        "/staff/stock/imports/2147483647/application", STOCK_DESK, done=frozenset({404})
    ),
    ("staff.orders", "GET"): Door("/staff/orders", ORDER_DESK, page=page_openers.at_order_desk("/staff/orders")),
    ("staff.change_orders", "POST"): Door("/staff/orders", ORDER_DESK, done=frozenset({400})),
    ("staff.export_orders", "GET"): Door("/staff/orders.csv", ORDER_DESK),
    ("staff.refund_order", "POST"): Door("/staff/orders/{order}/refunds", ORDER_DESK, done=frozenset({400})),
    ("staff.cancel_order", "POST"): Door("/staff/orders/{order}/cancellation", ORDER_DESK),
    ("staff.returns", "GET"): Door("/staff/returns", ORDER_DESK, page=page_openers.open_return),
    ("staff.approve_return", "POST"): Door("/staff/returns/2147483647/approval", ORDER_DESK, done=frozenset({404})),
    ("staff.decline_return", "POST"): Door("/staff/returns/2147483647/refusal", ORDER_DESK, done=frozenset({404})),
    ("staff.order", "GET"): Door(
        "/staff/orders/{order}", ORDER_DESK, page=page_openers.at_order_desk("/staff/orders/{order}")
    ),
    ("staff.take_step", "POST"): Door("/staff/orders/{order}/steps", ORDER_DESK, {"step": "processing"}),
    ("staff.correct_parcel", "POST"): Door("/staff/orders/{order}/parcel", ORDER_DESK, {"tracking": "AWB 1"}),
    ("staff.packing_slips", "GET"): Door(
        "/staff/orders/slips?order={order}",
        ORDER_DESK,
        page=page_openers.at_order_desk("/staff/orders/slips?order={order}"),
    ),
    ("staff.packing_slips_pdf", "GET"): Door("/staff/orders/slips.pdf?order={order}", ORDER_DESK),
    ("staff.order_invoice", "GET"): Door(
        "/staff/orders/{order}/invoice", ORDER_DESK, page=page_openers.at_order_desk("/staff/orders/{order}/invoice")
    ),
    ("staff.order_invoice_pdf", "GET"): Door("/staff/orders/{order}/invoice.pdf", ORDER_DESK),
    ("staff.order_credit_note", "GET"): Door(
        "/staff/orders/{order}/credit-notes/1",
        ORDER_DESK,
        page=page_openers.at_order_desk("/staff/orders/{order}/credit-notes/1", is_refunded=True),
    ),
    ("staff.order_credit_note_pdf", "GET"): Door("/staff/orders/{order}/credit-notes/1.pdf", ORDER_DESK),
    # ---------------------------------------------------------------------------------- the API
    ("api.docs", "GET"): Door("/api/docs", ANYONE, page=page_openers.plain("/api/docs")),
    ("api.openapi", "GET"): Door("/api/openapi.json", ANYONE),
    ("api.listProducts", "GET"): Door("/api/products?size=1", ANYONE),
    ("api.getProduct", "GET"): Door("/api/products/{product}", ANYONE),
    ("media.media", "GET"): Door("/media/" + "0" * 32 + "-320.webp", ANYONE, done=frozenset({404})),
    ("api.getImage", "GET"): Door("/api/products/image/999999", ANYONE, done=frozenset({404})),
    ("api.getImageAlias", "GET"): Door("/products/image/999999", ANYONE, done=frozenset({404})),
    ("api.getPlaceholderImage", "GET"): Door("/api/products/image/placeholder", ANYONE),
    ("api.checkStock", "GET"): Door("/api/products/{product}/check-stock?quantity=1", ANYONE),
    ("api.batchProducts", "POST"): Door("/api/products/batch", ANYONE, json=[1]),
    ("api.batchProductsAlias", "POST"): Door("/products/batch", ANYONE, json=[1]),
    ("api.listReviews", "GET"): Door("/api/products/{product}/reviews", ANYONE),
    ("api.averageRating", "GET"): Door("/api/products/{product}/reviews/average-rating", ANYONE),
    ("api.averageRatingShort", "GET"): Door("/api/products/{product}/reviews/avg", ANYONE),
    ("api.reviewCount", "GET"): Door("/api/products/{product}/reviews/count", ANYONE),
    ("api.createProduct", "POST"): Door(
        "/api/products", API_STOCK, json={"sku": "MATRIX-1", "name": "Cup", "brand": "Kiln", "price": 5, "stock": 1}
    ),
    ("api.reduceStock", "PUT"): Door("/api/products/{product}/reduce-stock?quantity=1", API_STOCK),
    ("api.reduceStockAlias", "PUT"): Door("/products/{product}/reduce-stock?quantity=1", API_STOCK),
    ("api.uploadImage", "POST"): Door("/api/products/{product}/image", API_STOCK, done=frozenset({415})),
    ("api.getCart", "GET"): Door("/cart/{owner}", API_OF_USER),
    ("api.addCartItem", "POST"): Door("/cart/{owner}/items?productId={product}&quantity=1", API_OF_USER),
    ("api.updateCartItem", "PUT"): Door("/cart/{owner}/items/{line}?quantity=2", API_OF_USER, json={}),
    ("api.removeCartItem", "DELETE"): Door("/cart/{owner}/items/{line}", API_OF_USER),
    ("api.priceCart", "GET"): Door("/cart/{owner}/price", API_OF_USER),
    ("api.checkout", "POST"): Door("/checkout?userId={owner}&addressId={address}&method=cod", API_OF_USER),
    ("api.placeOrder", "POST"): Door("/api/orders", API_SIGNED_IN, json={"items": []}, done=frozenset({400})),
    ("api.createOrderLegacy", "POST"): Door("/api/orders/create", API_SIGNED_IN, json={}, done=frozenset({400})),
    ("api.getOrder", "GET"): Door("/api/orders/{order}", API_OWN_ORDER),
    ("api.updateOrder", "PUT"): Door("/api/orders/{order}", API_CHANGE_ORDER, json={}),
    ("api.cancelOrder", "DELETE"): Door("/api/orders/{order}", API_CHANGE_ORDER),
    ("api.trackOrder", "GET"): Door("/api/orders/{order}/track", API_OWN_ORDER),
    ("api.listUserOrders", "GET"): Door("/api/orders/user/{owner}", API_OF_USER),
    ("api.listUserOrdersAlias", "GET"): Door("/users/{owner}/orders", API_OF_USER),
    ("api.makePayment", "POST"): Door("/api/payments", API_SIGNED_IN, json={}, done=frozenset({400})),
    ("api.createReview", "POST"): Door(
        "/api/products/{product}/reviews", API_SIGNED_IN, json={"rating": 5, "title": "Good", "comment": "Holds tea."}
    ),
    ("api.getProfile", "GET"): Door("/users/{owner}/profile", API_OF_USER),
    ("api.updateProfile", "PUT"): Door("/users/{owner}/profile", API_OF_USER, json={}),
    ("api.listAddresses", "GET"): Door("/users/{owner}/addresses", API_OF_USER),
    ("api.addAddress", "POST"): Door("/users/{owner}/addresses", API_OF_USER, json={}, done=frozenset({400})),
    ("api.deleteAddress", "DELETE"): Door("/users/{owner}/addresses/{address}", API_OF_USER),
    ("api.listPaymentMethods", "GET"): Door("/users/{owner}/payments", API_OF_USER),
    ("api.addPaymentMethod", "POST"): Door("/users/{owner}/payments", API_OF_USER, json={}, done=frozenset({400})),
    ("api.deletePaymentMethod", "DELETE"): Door("/users/{owner}/payments/{method}", API_OF_USER),
    ("api.listWishlist", "GET"): Door("/users/{owner}/wishlist", API_OF_USER),
    ("api.addWishlist", "POST"): Door("/users/{owner}/wishlist", API_OF_USER, json={"productId": 1}),
    ("api.removeWishlist", "DELETE"): Door("/users/{owner}/wishlist/{wished}", API_OF_USER),
    ("api.removeWishlistItem", "DELETE"): Door("/users/{owner}/wishlist/item/1", API_OF_USER, done=OK | {404}),
    ("api.getUser", "GET"): Door("/auth/user/{owner}", API_OF_USER),
    ("api.me", "GET"): Door("/auth/me", API_SIGNED_IN),
    ("api.logout", "POST"): Door("/auth/logout", API_SIGNED_IN),
    # Whoever asks says who they are by what they send, which here is nothing.
    **{
        (f"api.{name}", "POST"): Door(f"/auth/{path}", ANYONE, json={}, done=frozenset({400}))
        for name, path in {
            "login": "login",
            "register": "register",
            "registerStub": "register/stub",
            "requestPasswordReset": "password/reset",
            "sendOtp": "mfa/send",
            "verifyOtp": "mfa/verify",
            "verifyOtpAlias": "verify-otp",
        }.items()
    },
    ("api.setPassword", "POST"): Door("/auth/set-password", access_matrix.NOBODY, json={}),
}

PAGES = {endpoint: door.page for (endpoint, method), door in DOORS.items() if method == "GET" and door.page is not None}
