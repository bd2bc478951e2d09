"""Wishlists of accounts and guests, merging and sharing."""

from __future__ import annotations

from pathlib import Path

import pytest
from flask import Flask

from storefront.accounts import service as accounts
from storefront.accounts import wishlist
from storefront.accounts.service import UnknownWishlist, UnknownWishlistItem, WishlistFull, WishlistOwner, WishlistToken
from tests.conftest import ENGINES
from tests.factories.accounts import make_account
from tests.fakes import Clock
from tests.isolated_shop import at_once, own_shop

GUEST = WishlistToken("a-guest")
MUG, POT, TEA = 5, 6, 7  # product ids, which the accounts domain does not check


@pytest.fixture(params=["account", "guest"])
def owner(app: Flask, request: pytest.FixtureRequest) -> WishlistOwner:
    return make_account().id if request.param == "account" else GUEST


def on_list(owner: WishlistOwner) -> list[tuple[int, str, int]]:
    return [(item.product_id, item.sku, item.quantity) for item in accounts.items_of(owner)]


def test_items_are_listed_newest_first(owner: WishlistOwner, now: Clock) -> None:
    accounts.add_wishlist_item(owner, MUG)
    now.advance(seconds=1)
    accounts.add_wishlist_item(owner, POT, sku="POT-RED", quantity=3)
    assert on_list(owner) == [(POT, "POT-RED", 3), (MUG, "", 1)]
    assert accounts.wishlist_product_ids(owner) == {MUG, POT}


def test_a_visitor_without_a_list_has_no_items(app: Flask) -> None:
    assert accounts.items_of(None) == ()
    assert accounts.wishlist_product_ids(None) == frozenset()
    assert accounts.remove_wishlist_item(None, MUG) is None


def test_adding_a_product_again_changes_nothing(owner: WishlistOwner) -> None:
    first = accounts.add_wishlist_item(owner, MUG, sku="MUG-BLUE", quantity=2)
    assert accounts.add_wishlist_item(owner, MUG, quantity=9) == first
    assert on_list(owner) == [(MUG, "MUG-BLUE", 2)]


def test_variant_and_quantity_are_changed(owner: WishlistOwner) -> None:
    accounts.add_wishlist_item(owner, MUG)
    accounts.change_wishlist_item(owner, MUG, sku="MUG-BLUE", quantity=4)
    assert on_list(owner) == [(MUG, "MUG-BLUE", 4)]


def test_a_product_not_on_the_list_cannot_be_changed(owner: WishlistOwner) -> None:
    with pytest.raises(UnknownWishlistItem):
        accounts.change_wishlist_item(owner, MUG, sku="", quantity=1)
    with pytest.raises(UnknownWishlistItem):
        accounts.change_wishlist_item(None, MUG, sku="", quantity=1)


def test_an_item_is_removed_once(owner: WishlistOwner) -> None:
    item = accounts.add_wishlist_item(owner, MUG, quantity=2)
    assert accounts.remove_wishlist_item(owner, MUG) == item
    assert accounts.remove_wishlist_item(owner, MUG) is None
    assert on_list(owner) == []


def test_an_item_is_removed_by_its_id(owner: WishlistOwner) -> None:
    item = accounts.add_wishlist_item(owner, MUG)
    accounts.remove_wishlist_item_by_id(owner, item.id)
    with pytest.raises(UnknownWishlistItem):
        accounts.remove_wishlist_item_by_id(owner, item.id)


def test_other_accounts_cannot_change_a_list(owner: WishlistOwner) -> None:
    item, stranger = accounts.add_wishlist_item(owner, MUG), make_account().id
    with pytest.raises(UnknownWishlistItem):
        accounts.remove_wishlist_item_by_id(stranger, item.id)
    with pytest.raises(UnknownWishlistItem):
        accounts.change_wishlist_item(stranger, MUG, sku="", quantity=9)
    assert accounts.remove_wishlist_item(stranger, MUG) is None
    assert on_list(owner) == [(MUG, "", 1)]


def test_a_list_has_a_maximum_size(owner: WishlistOwner, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wishlist, "MAX_WISHLIST_ITEMS", 2)
    accounts.add_wishlist_item(owner, MUG)
    accounts.add_wishlist_item(owner, POT)
    with pytest.raises(WishlistFull):
        accounts.add_wishlist_item(owner, TEA)
    accounts.add_wishlist_item(owner, MUG)  # on the list already
    assert accounts.wishlist_product_ids(owner) == {MUG, POT}


# ------------------------------------------------------------------------------------------------ merging


def test_a_guests_list_is_merged_into_the_accounts_once(app: Flask) -> None:
    user = make_account().id
    accounts.add_wishlist_item(user, MUG, sku="MUG-BLUE", quantity=2)
    accounts.add_wishlist_item(GUEST, MUG, quantity=9)
    accounts.add_wishlist_item(GUEST, POT, quantity=3)
    for _ in range(2):
        accounts.merge_wishlists(GUEST, user)
    assert sorted(on_list(user)) == [(MUG, "MUG-BLUE", 2), (POT, "", 3)]
    assert on_list(GUEST) == []


@pytest.mark.parametrize("engine", ENGINES)
def test_concurrent_commands_take_effect_once(engine: str, tmp_path: Path) -> None:
    with own_shop(engine, tmp_path) as app:
        with app.app_context():
            user = make_account().id
            accounts.add_wishlist_item(GUEST, POT)
            accounts.add_wishlist_item(user, TEA)
        outcomes = at_once(
            app,
            [lambda: accounts.add_wishlist_item(user, MUG)] * 3
            + [lambda: accounts.merge_wishlists(GUEST, user)] * 2  # type: ignore[list-item]
            + [lambda: accounts.share_wishlist(user)] * 2,  # type: ignore[list-item]
        )
        removals = at_once(app, [lambda: accounts.remove_wishlist_item(user, TEA)] * 4)
        with app.app_context():
            assert [outcome for outcome in outcomes if isinstance(outcome, Exception)] == []
            assert accounts.wishlist_product_ids(user) == {MUG, POT}
            assert len({outcome for outcome in outcomes if isinstance(outcome, str)}) == 1
            assert len([removed for removed in removals if removed is not None]) == 1


def test_a_guests_list_is_purged_90_days_after_its_last_item(app: Flask, now: Clock) -> None:
    user, other = make_account().id, WishlistToken("another-guest")
    for owner in (user, GUEST, other):
        accounts.add_wishlist_item(owner, MUG)
    now.advance(days=60)
    accounts.add_wishlist_item(other, POT)
    now.advance(days=31)
    accounts.purge_guest_wishlists()
    assert (on_list(GUEST), len(on_list(other)), len(on_list(user))) == ([], 2, 1)


# ------------------------------------------------------------------------------------------------ sharing


def test_a_shared_list_is_found_by_its_token(app: Flask) -> None:
    user = make_account(name="Asha Rao").id
    accounts.add_wishlist_item(user, MUG)
    token = accounts.share_wishlist(user)
    assert len(token) >= 32
    assert accounts.share_wishlist(user) == token == accounts.share_of(user)
    shared = accounts.shared_wishlist(token)
    assert (shared.owner.name, [item.product_id for item in shared.items]) == ("Asha Rao", [MUG])


def test_a_revoked_token_is_unknown_and_sharing_again_makes_another(app: Flask) -> None:
    user = make_account().id
    token = accounts.share_wishlist(user)
    accounts.stop_sharing(user)
    assert accounts.share_of(user) is None
    assert accounts.share_wishlist(user) != token
    with pytest.raises(UnknownWishlist):
        accounts.shared_wishlist(token)
