"""Every route of the JSON API with its access rule; part of `tests.routes.ROUTES`."""

from __future__ import annotations

from tests import access_matrix, page_openers
from tests.access_matrix import (
    API_OF_USER,
    API_OWN_ORDER,
    API_SIGNED_IN,
    API_STOCK,
    PUBLIC,
    Route,
)

OK = access_matrix.SUCCESS

API_ROUTES: dict[tuple[str, str], Route] = {
    ("api.docs", "GET"): Route("/api/docs", PUBLIC, page=page_openers.plain("/api/docs")),
    ("api.openapi", "GET"): Route("/api/openapi.json", PUBLIC),
    ("api.token", "POST"): Route("/oauth/token", PUBLIC, done=frozenset({400})),
    ("api.listProducts", "GET"): Route("/api/products?size=1", PUBLIC),
    ("api.getProduct", "GET"): Route("/api/products/{product}", PUBLIC),
    ("api.getImage", "GET"): Route("/api/products/image/999999", PUBLIC, done=frozenset({404})),
    ("api.getImageAlias", "GET"): Route("/products/image/999999", PUBLIC, done=frozenset({404})),
    ("api.getPlaceholderImage", "GET"): Route("/api/products/image/placeholder", PUBLIC),
    ("api.checkStock", "GET"): Route("/api/products/{product}/check-stock?quantity=1", PUBLIC),
    ("api.batchProducts", "POST"): Route("/api/products/batch", PUBLIC, json=[1]),
    ("api.batchProductsAlias", "POST"): Route("/products/batch", PUBLIC, json=[1]),
    ("api.listReviews", "GET"): Route("/api/products/{product}/reviews", PUBLIC),
    ("api.averageRating", "GET"): Route("/api/products/{product}/reviews/average-rating", PUBLIC),
    ("api.averageRatingShort", "GET"): Route("/api/products/{product}/reviews/avg", PUBLIC),
    ("api.reviewCount", "GET"): Route("/api/products/{product}/reviews/count", PUBLIC),
    ("api.createProduct", "POST"): Route(
        "/api/products", API_STOCK, json={"sku": "MATRIX-1", "name": "Cup", "brand": "Kiln", "price": 5, "stock": 1}
    ),
    ("api.reduceStock", "PUT"): Route("/api/products/{product}/reduce-stock?quantity=1", API_STOCK),
    ("api.reduceStockAlias", "PUT"): Route("/products/{product}/reduce-stock?quantity=1", API_STOCK),
    ("api.uploadImage", "POST"): Route("/api/products/{product}/image", API_STOCK, done=frozenset({415})),
    ("api.getCart", "GET"): Route("/cart/{owner}", API_OF_USER),
    ("api.addCartItem", "POST"): Route("/cart/{owner}/items?productId={product}&quantity=1", API_OF_USER),
    ("api.updateCartItem", "PUT"): Route("/cart/{owner}/items/{line}?quantity=2", API_OF_USER, json={}),
    ("api.removeCartItem", "DELETE"): Route("/cart/{owner}/items/{line}", API_OF_USER),
    ("api.priceCart", "GET"): Route("/cart/{owner}/price", API_OF_USER),
    ("api.checkout", "POST"): Route(
        "/checkout?userId={owner}&addressId={address}&method=cod",
        API_OF_USER,
        done=frozenset({409}),  # a payment of this cart awaits its confirmation
    ),
    ("api.placeOrder", "POST"): Route("/api/orders", API_SIGNED_IN, json={"items": []}, done=frozenset({400})),
    ("api.createOrderLegacy", "POST"): Route("/api/orders/create", API_SIGNED_IN, json={}, done=frozenset({400})),
    ("api.getOrder", "GET"): Route("/api/orders/{order}", API_OWN_ORDER),
    ("api.updateOrder", "PUT"): Route("/api/orders/{order}", API_OWN_ORDER, json={}),
    ("api.cancelOrder", "DELETE"): Route("/api/orders/{order}", API_OWN_ORDER),
    ("api.trackOrder", "GET"): Route("/api/orders/{order}/track", API_OWN_ORDER),
    ("api.listUserOrders", "GET"): Route("/api/orders/user/{owner}", API_OF_USER),
    ("api.listUserOrdersAlias", "GET"): Route("/users/{owner}/orders", API_OF_USER),
    ("api.makePayment", "POST"): Route("/api/payments", API_SIGNED_IN, json={}, done=frozenset({400})),
    ("api.createReview", "POST"): Route(
        "/api/products/{product}/reviews", API_SIGNED_IN, json={"rating": 5, "title": "Good", "comment": "Holds tea."}
    ),
    ("api.getProfile", "GET"): Route("/users/{owner}/profile", API_OF_USER),
    ("api.updateProfile", "PUT"): Route("/users/{owner}/profile", API_OF_USER, json={}),
    ("api.listAddresses", "GET"): Route("/users/{owner}/addresses", API_OF_USER),
    ("api.addAddress", "POST"): Route("/users/{owner}/addresses", API_OF_USER, json={}, done=frozenset({400})),
    ("api.deleteAddress", "DELETE"): Route("/users/{owner}/addresses/{address}", API_OF_USER),
    ("api.listPaymentMethods", "GET"): Route("/users/{owner}/payments", API_OF_USER),
    ("api.addPaymentMethod", "POST"): Route("/users/{owner}/payments", API_OF_USER, json={}, done=frozenset({400})),
    ("api.deletePaymentMethod", "DELETE"): Route("/users/{owner}/payments/{method}", API_OF_USER),
    ("api.listWishlist", "GET"): Route("/users/{owner}/wishlist", API_OF_USER),
    ("api.addWishlist", "POST"): Route("/users/{owner}/wishlist", API_OF_USER, json={"productId": 1}),
    ("api.removeWishlist", "DELETE"): Route("/users/{owner}/wishlist/{wishlisted}", API_OF_USER),
    ("api.removeWishlistItem", "DELETE"): Route("/users/{owner}/wishlist/item/1", API_OF_USER, done=OK | {404}),
    ("api.getUser", "GET"): Route("/auth/user/{owner}", API_OF_USER),
    ("api.me", "GET"): Route("/auth/me", API_SIGNED_IN),
    ("api.logout", "POST"): Route("/auth/logout", API_SIGNED_IN),
    # The body identifies the caller; an empty one is invalid.
    **{
        (f"api.{name}", "POST"): Route(f"/auth/{path}", PUBLIC, json={}, done=frozenset({400}))
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
    ("api.setPassword", "POST"): Route("/auth/set-password", access_matrix.NOBODY, json={}),
}
