"""Pictures of products: sent by staff, shown to everyone from everywhere."""

from __future__ import annotations

from pathlib import Path

from flask import Response, current_app, request, send_file
from werkzeug.exceptions import UnsupportedMediaType
from werkzeug.security import safe_join

from storefront.api.errors import unacceptable
from storefront.api.guards import public, stock_staff
from storefront.api.operations import json_response, operation
from storefront.api.schemas.products import ImageUploaded
from storefront.catalog import service as catalog
from storefront.core import image_processing
from storefront.web import session as web_session
from storefront.web.route_options import max_upload

PLACEHOLDER = "icons/parcel.webp"  # below static/
FOREVER = "public, max-age=31536000, immutable"  # a picture that was sent never changes
A_DAY = "public, max-age=86400"  # a file below static/ may, with a new version of the shop
FORM_AROUND_IT = 64 * 1024  # bytes of the form that carries the file
MAX_ALT_LENGTH = 255

IMAGE_TYPES = {
    ".webp": "image/webp",
    ".png": "image/png",
    ".jpg": "image/jpeg",
    ".jpeg": "image/jpeg",
    ".gif": "image/gif",
}
MEDIA = ("image/jpeg", "image/png", "image/webp", "image/gif")
UPLOAD = {
    "type": "object",
    "required": ["file"],
    "properties": {
        "file": {
            "type": "string",
            "contentMediaType": "application/octet-stream",
            "description": "JPEG, PNG, WebP or GIF, at most 5 MiB and 25 megapixels",
        },
        "altText": {"type": "string", "maxLength": MAX_ALT_LENGTH, "description": "What it shows, in words"},
    },
}


@operation(
    "POST /api/products/{productId}/image",
    "uploadImage",
    tag="catalog",
    access=stock_staff,
    form=UPLOAD,
    answer=ImageUploaded,
    refusals=(404,),
    headers={"Location": "URL of the image"},
)
@max_upload(image_processing.MAX_BYTES + FORM_AROUND_IT)
def upload_image(product_id: int) -> Response:
    """Add an image to a product (staff).

    It is decoded and written anew, without anything hidden in it. The same image sent twice is kept once.
    """
    if request.mimetype != "multipart/form-data":
        raise UnsupportedMediaType
    file = request.files.get("file")
    if file is None:
        raise unacceptable("file is required", "file")
    alt = request.form.get("altText", "").strip()
    if len(alt) > MAX_ALT_LENGTH:
        raise unacceptable(f"altText may have at most {MAX_ALT_LENGTH} characters", "altText")
    sent = file.stream.read(image_processing.MAX_BYTES + 1)
    picture_id = catalog.add_picture(product_id, sent, alt, actor=web_session.current_actor())
    response = json_response(ImageUploaded, "Image uploaded successfully")
    response.headers["Location"] = f"{current_app.config['PUBLIC_ORIGIN']}/api/products/image/{picture_id}"
    return response


@operation(
    "GET /api/products/image/{imageId}",
    "getImage",
    tag="catalog",
    access=public,
    media=MEDIA,
    refusals=(404,),
    headers={"Cache-Control": "Long-lived"},
)
@operation(
    "GET /products/image/{imageId}",
    "getImageAlias",
    tag="catalog",
    access=public,
    media=MEDIA,
    refusals=(404,),
    headers={"Cache-Control": "Long-lived"},
)
def get_image(image_id: int) -> Response:
    """The bytes of an image."""
    picture = catalog.get_picture(image_id)
    if picture.content is not None:
        response = Response(picture.content, mimetype=picture.content_type)
        response.set_etag(picture.digest)
        response.headers["Cache-Control"] = FOREVER
        return _for_everyone(response)
    if picture.source.startswith(("http://", "https://")):
        return Response(status=302, headers={"Location": picture.source})
    return _file(picture.source) or _missing(image_id)


@operation(
    "GET /api/products/image/placeholder",
    "getPlaceholderImage",
    tag="catalog",
    access=public,
    media=MEDIA,
    headers={"Cache-Control": "Long-lived"},
)
def get_placeholder() -> Response:
    """What stands for a product that has no image."""
    return _file(PLACEHOLDER) or _missing(0)


def _missing(image_id: int) -> Response:
    raise catalog.gallery.UnknownPicture(image_id)


def _file(source: str) -> Response | None:
    """A picture below `static/`; None when it is none."""
    path = safe_join(str(current_app.static_folder), source)
    if path is None or not Path(path).is_file() or Path(path).suffix not in IMAGE_TYPES:
        return None
    response = send_file(path, mimetype=IMAGE_TYPES[Path(path).suffix])
    response.headers["Cache-Control"] = A_DAY
    return _for_everyone(response)


def _for_everyone(response: Response) -> Response:
    """Pages of other origins may show it: the old client, and letters."""
    response.headers["Cross-Origin-Resource-Policy"] = "cross-origin"
    return response
