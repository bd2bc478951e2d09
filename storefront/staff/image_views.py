"""The images of a product: uploaded, reordered, described, removed and restored."""

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
from storefront.core.image_processing import FROM_STAFF, DecoderBusy, FileKind, ImageTooLarge, InvalidImage
from storefront.staff import bp, stock_staff
from storefront.staff.product_views import show_product
from storefront.staff.stock_forms import text_from
from storefront.web import session as web_session
from storefront.web.filters import plural
from storefront.web.number_fields import NumberRefused, read_quantity
from storefront.web.responses import redirect_or_hx, wants_fragment
from storefront.web.route_options import max_upload

MAX_AT_ONCE = 12  # files; processing takes about half a second each
MAX_UPLOAD_BYTES = 50 * 2**20  # a form is read before the session is checked, so the limit protects the shop
FORM_OVERHEAD = 64 * 1024  # bytes of CSRF token, boundaries and file names
MAX_NAME_LENGTH = 80  # characters of a file name on the page
MAX_POSITION = 999_999
MAX_POSITION_LENGTH = 60  # characters of a typed position that are shown again

DESCRIBED_MEANWHILE = (
    "Nothing was saved: somebody else changed these alt texts since you opened them. The current texts are shown below "
    "yours. Save again to keep yours."
)

_REJECTIONS = {
    FileKind.DRAWING: "is an SVG file, which can contain scripts. Upload a PNG or WebP instead.",
    FileKind.WEB_PAGE: "is a web page, not an image.",
    FileKind.EMPTY: "is empty.",
    FileKind.COSTLY: "takes too long to read. Save it anew as a JPEG or PNG and upload that.",
    FileKind.OTHER: "is not a readable image. Upload a PNG, JPEG, WebP or GIF.",
}
_LIMITS = f"the limits are {FROM_STAFF.most_bytes // 2**20} MB and {FROM_STAFF.most_pixels // 10**6} megapixels."
_FIELD_NAME = re.compile(r"(?:alt|place)-([0-9]{1,9})")
_STEPS = {"up": -1, "down": 1}

bp.add_app_template_global(gallery.gallery_of)


@dataclass(frozen=True, slots=True)
class RefusedFile:
    """An uploaded file that was not added.

    :ivar reason: sentence that continues the file name
    :ivar status: HTTP status of the refusal
    """

    name: str
    reason: str
    status: int


@dataclass(frozen=True, slots=True)
class TypedPicture:
    """The fields of one image as submitted; those left as they were shown change nothing.

    :ivar seen: digest of the alt text that the form was opened with
    :ivar seen_place: position that the form was opened with
    :ivar goes_to: position after a press of the up or down button
    """

    alt: str
    seen: str | None
    place: str
    seen_place: str
    goes_to: int | None

    @property
    def has_bad_place(self) -> bool:
        try:
            return not self._position()
        except NumberRefused:
            return True

    def _position(self) -> int:
        return read_quantity(self.place, least=1, most=MAX_POSITION)

    @property
    def edit(self) -> gallery.ImageEdit:
        """The requested change; valid only without `has_bad_place`."""
        place = self.goes_to if self.goes_to is not None or self.place == self.seen_place else self._position()
        alt = None if self.seen == gallery.alt_text_hash(self.alt) else self.alt
        return gallery.ImageEdit(place, alt, self.seen)


@bp.app_template_global()
def picture_limits() -> Mapping[str, int]:
    """The upload limits, for the hint beside the field."""
    return {
        "files": MAX_AT_ONCE,
        "megabytes": FROM_STAFF.most_bytes // 2**20,
        "megapixels": FROM_STAFF.most_pixels // 10**6,
        "total_megabytes": MAX_UPLOAD_BYTES // 2**20,
    }


@bp.post("/products/<id:product_id>/pictures")
@max_upload(MAX_UPLOAD_BYTES + FORM_OVERHEAD)
@stock_staff
def upload_pictures(product_id: int) -> ResponseReturnValue:
    """Add images. Files that are rejected are listed with the reason; the others are added."""
    files = [file for file in request.files.getlist("pictures") if file.filename]
    if not files:
        return _show(product_id, status=422, pictures_problem="Choose at least one image.")
    refused = [refusal for file in files[:MAX_AT_ONCE] if (refusal := _add(product_id, file))]
    too_many = f"was not added: upload at most {MAX_AT_ONCE} files at once."
    refused += [RefusedFile(_name_of(file), too_many, 413) for file in files[MAX_AT_ONCE:]]
    added = len(files) - len(refused)
    notice = f"{plural(added, 'image')} added" if added else ""
    if refused:
        return _show(product_id, status=refused[0].status, refused=refused, pictures_notice=notice)
    return _done(product_id, notice)


def _add(product_id: int, file: FileStorage) -> RefusedFile | None:
    content = file.stream.read(FROM_STAFF.most_bytes + 1)
    try:
        media.add_picture(product_id, content, actor=web_session.current_actor(), limits=FROM_STAFF)
    except InvalidImage as error:
        return RefusedFile(_name_of(file), _REJECTIONS[error.seems], error.status)
    except ImageTooLarge as error:
        return RefusedFile(_name_of(file), f"is too large: {_LIMITS}", error.status)
    except DecoderBusy as error:
        return RefusedFile(_name_of(file), "was not added: other images are being processed. Try again.", error.status)
    except gallery.StorageUnavailable as error:
        return RefusedFile(_name_of(file), "could not be stored. Try again in a minute.", error.status)
    return None


def _name_of(file: FileStorage) -> str:
    return text_from(MultiDict({"name": file.filename or ""}), "name", MAX_NAME_LENGTH)


@bp.post("/products/<id:product_id>/pictures/order")
@stock_staff
def arrange_pictures(product_id: int) -> ResponseReturnValue:
    """Save the order and the alt texts; pressing an up or down button saves the alt texts, too."""
    typed = _read_pictures(product_id)
    if any(picture.has_bad_place for picture in typed.values()):
        problem = "Nothing was saved: a position is a whole number from 1."
        return _show(product_id, status=422, pictures_problem=problem, typed=typed)
    try:
        gallery.reorder(
            product_id, {i: picture.edit for i, picture in typed.items()}, actor=web_session.current_actor()
        )
    except gallery.AltTextConflict as conflict:
        conflicts = {"typed": typed, "described": conflict.pictures}
        return _show(product_id, status=409, pictures_problem=DESCRIBED_MEANWHILE, **conflicts)
    return _done(product_id, "Images saved")


def _read_pictures(product_id: int) -> dict[int, TypedPicture]:
    """Read the submitted fields by image id. Up and down start from the present position."""
    places = {image.id: place for place, image in enumerate(gallery.pictures_of(product_id), start=1)}
    moved, _, step = request.form.get("move", "").partition("/")
    typed = {}
    for picture_id in {
        int(field[1]) for name in request.form if (field := _FIELD_NAME.fullmatch(name))
    } & places.keys():
        typed[picture_id] = TypedPicture(
            alt=text_from(request.form, f"alt-{picture_id}", gallery.MAX_ALT_LENGTH),
            seen=request.form.get(f"was-{picture_id}"),
            place=request.form.get(f"place-{picture_id}", "").strip()[:MAX_POSITION_LENGTH],
            seen_place=request.form.get(f"stood-{picture_id}", ""),
            goes_to=places[picture_id] + _STEPS.get(step, 0) if moved == str(picture_id) else None,
        )
    return typed


@bp.post("/products/<id:product_id>/pictures/<id:picture_id>/removal")
@stock_staff
def remove_picture(product_id: int, picture_id: int) -> ResponseReturnValue:
    """Remove an image from the page; it can be restored."""
    gallery.remove(product_id, picture_id, actor=web_session.current_actor())
    return _done(product_id, "Image removed. You can restore it below.")


@bp.post("/products/<id:product_id>/pictures/<id:picture_id>/restoration")
@stock_staff
def restore_picture(product_id: int, picture_id: int) -> ResponseReturnValue:
    """Show a removed image again."""
    gallery.restore(product_id, picture_id, actor=web_session.current_actor())
    return _done(product_id, "Image restored")


def _done(product_id: int, notice: str) -> ResponseReturnValue:
    if wants_fragment():
        return _show(product_id, pictures_notice=notice)
    flash(notice, "notice")
    return redirect_or_hx(url_for(".product", product_id=product_id, _anchor="pictures"))


def _show(product_id: int, *, status: int = 200, **more: Any) -> ResponseReturnValue:
    """Show the page of the product with the outcome; for htmx only its images."""
    return show_product(product_id, status=status, fragment="staff/products/_images.html", **more)
