"""The pictures on the page of a product: sent, put in order, described, taken away and brought back."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from flask import flash, request, url_for
from flask.typing import ResponseReturnValue
from werkzeug.datastructures import FileStorage, MultiDict

from storefront.catalog import media
from storefront.catalog.media import gallery
from storefront.core.image_processing import FROM_STAFF, FileKind, ImageTooLarge, InvalidImage
from storefront.staff import bp, stock_staff
from storefront.staff.product_views import show_product
from storefront.staff.stock_forms import text_from
from storefront.web import session as web_session
from storefront.web.filters import plural
from storefront.web.responses import redirect_or_hx, wants_fragment
from storefront.web.route_options import max_upload

MAX_AT_ONCE = 12  # files; each takes about half a second
MAX_UPLOAD_BYTES = 50 * 2**20  # bytes; a form is read before anybody knows who sent it
FORM_AROUND_THEM = 64 * 1024  # bytes: token, boundaries and names
MAX_NAME_LENGTH = 80  # characters of a file's name, as it is shown
MAX_PLACE_LENGTH = 20  # characters of what comes back

DESCRIBED_MEANWHILE = (
    "Nothing was saved: somebody else described these pictures since you opened them. Below what you typed stands what "
    "there is now. Save again to keep yours."
)

_NO_PICTURE = {
    FileKind.DRAWING: "is an SVG drawing, which can hold scripts. Send it as PNG or WebP.",
    FileKind.WEB_PAGE: "is a web page, not a picture.",
    FileKind.EMPTY: "is empty.",
    FileKind.OTHER: "is no picture that can be read. Send a PNG, JPEG, WebP or GIF.",
}
_MOST = f"{FROM_STAFF.most_bytes // 2**20} MB and {FROM_STAFF.most_pixels // 10**6} megapixels are the most."
_FIELD = re.compile(r"(?:alt|place)-([0-9]{1,9})")
_STEPS = {"up": -1, "down": 1}

bp.add_app_template_global(gallery.gallery_of)


@dataclass(frozen=True, slots=True)
class RefusedFile:
    """:ivar reason: goes on from the name
    :ivar status: of the answer
    """

    name: str
    reason: str
    status: int


@dataclass(frozen=True, slots=True)
class TypedPicture:
    """What was typed for a picture, and what it was typed over: what was not touched stays as it is by now.

    :ivar seen: digest of the words that stood there
    :ivar stood: the place that did
    :ivar goes_to: by the buttons up and down
    """

    alt: str
    seen: str | None
    place: str
    stood: str
    goes_to: int | None

    @property
    def is_nowhere(self) -> bool:
        return not re.fullmatch(r"[1-9][0-9]{0,5}", self.place)

    @property
    def wanted(self) -> gallery.ImageEdit:
        """What it asks for; of one whose place is a number."""
        place = self.goes_to if self.goes_to is not None or self.place == self.stood else int(self.place)
        alt = None if self.seen == gallery.alt_text_hash(self.alt) else self.alt
        return gallery.ImageEdit(place, alt, self.seen)


@bp.app_template_global()
def picture_limits() -> Mapping[str, int]:
    """What may be sent at once, for the hint beside the field."""
    megabytes, megapixels = FROM_STAFF.most_bytes // 2**20, FROM_STAFF.most_pixels // 10**6
    together = MAX_UPLOAD_BYTES // 2**20
    return {"files": MAX_AT_ONCE, "megabytes": megabytes, "megapixels": megapixels, "together": together}


@bp.post("/products/<id:product_id>/pictures")
@max_upload(MAX_UPLOAD_BYTES + FORM_AROUND_THEM)
@stock_staff
def upload_pictures(product_id: int) -> ResponseReturnValue:
    """Add pictures. What is none is named with the reason, the others are kept."""
    files = [file for file in request.files.getlist("pictures") if file.filename]
    if not files:
        return _show(product_id, status=422, pictures_problem="Choose one picture or more first.")
    refused = [refusal for file in files[:MAX_AT_ONCE] if (refusal := _add(product_id, file))]
    many = f"was left out: {MAX_AT_ONCE} are the most at once. Send it again."
    refused += [RefusedFile(_name_of(file), many, 413) for file in files[MAX_AT_ONCE:]]
    added = len(files) - len(refused)
    notice = f"{plural(added, 'picture')} added" if added else ""
    if refused:
        return _show(product_id, status=refused[0].status, refused=refused, pictures_notice=notice)
    return _done(product_id, notice)


def _add(product_id: int, file: FileStorage) -> RefusedFile | None:
    sent = file.stream.read(FROM_STAFF.most_bytes + 1)
    try:
        media.add_picture(product_id, sent, actor=web_session.current_actor(), limits=FROM_STAFF)
    except InvalidImage as error:
        return RefusedFile(_name_of(file), _NO_PICTURE[error.seems], error.status)
    except ImageTooLarge as error:
        return RefusedFile(_name_of(file), f"is too large: {_MOST}", error.status)
    except gallery.StorageUnavailable as error:
        return RefusedFile(_name_of(file), "could not be kept now. Send it again in a minute.", error.status)
    return None


def _name_of(file: FileStorage) -> str:
    return text_from(MultiDict({"name": file.filename or ""}), "name", MAX_NAME_LENGTH)


@bp.post("/products/<id:product_id>/pictures/arrangement")
@stock_staff
def arrange_pictures(product_id: int) -> ResponseReturnValue:
    """Put the pictures in order and say what they show; a picture moved up or down takes the words along."""
    typed = _read_pictures(product_id)
    if any(picture.is_nowhere for picture in typed.values()):
        words = "Nothing was saved: a place is a whole number from 1."
        return _show(product_id, status=422, pictures_problem=words, typed=typed)
    try:
        gallery.reorder(
            product_id, {i: picture.wanted for i, picture in typed.items()}, actor=web_session.current_actor()
        )
    except gallery.AltTextConflict as conflict:
        return _show(
            product_id, status=409, pictures_problem=DESCRIBED_MEANWHILE, typed=typed, described=conflict.pictures
        )
    return _done(product_id, "Pictures saved")


def _read_pictures(product_id: int) -> dict[int, TypedPicture]:
    """What was typed, by picture. Up and down count from where it stands now."""
    places = {kept.id: place for place, kept in enumerate(gallery.pictures_of(product_id), start=1)}
    moved, _, step = request.form.get("move", "").partition("/")
    found = {}
    for picture_id in {int(field[1]) for name in request.form if (field := _FIELD.fullmatch(name))} & places.keys():
        found[picture_id] = TypedPicture(
            alt=text_from(request.form, f"alt-{picture_id}", gallery.MAX_ALT_LENGTH),
            seen=request.form.get(f"was-{picture_id}"),
            place=request.form.get(f"place-{picture_id}", "").strip()[:MAX_PLACE_LENGTH],
            stood=request.form.get(f"stood-{picture_id}", ""),
            goes_to=places[picture_id] + _STEPS.get(step, 0) if moved == str(picture_id) else None,
        )
    return found


@bp.post("/products/<id:product_id>/pictures/<id:picture_id>/removal")
@stock_staff
def remove_picture(product_id: int, picture_id: int) -> ResponseReturnValue:
    """Take a picture away; it can be brought back."""
    gallery.remove(product_id, picture_id, actor=web_session.current_actor())
    return _done(product_id, "The picture is taken away. It can be brought back below.")


@bp.post("/products/<id:product_id>/pictures/<id:picture_id>/return")
@stock_staff
def bring_picture_back(product_id: int, picture_id: int) -> ResponseReturnValue:
    """Show a picture again that was taken away."""
    gallery.restore(product_id, picture_id, actor=web_session.current_actor())
    return _done(product_id, "The picture is back")


def _done(product_id: int, notice: str) -> ResponseReturnValue:
    if wants_fragment():
        return _show(product_id, pictures_notice=notice)
    flash(notice, "notice")
    return redirect_or_hx(url_for(".product", product_id=product_id, _anchor="pictures"))


def _show(product_id: int, *, status: int = 200, **more: Any) -> ResponseReturnValue:
    """The product's page with what came of it; for htmx its pictures only."""
    return show_product(product_id, status=status, fragment="staff/products/_images.html", **more)
