"""Product images: upload for staff, download for everyone and from any origin."""

from __future__ import annotations

from pathlib import Path

from flask import Response, current_app, request, send_file
from werkzeug.exceptions import UnsupportedMediaType
from werkzeug.security import safe_join

from storefront.accounts.service import Scope
from storefront.api.errors import unacceptable
from storefront.api.guards import public, stock_staff
from storefront.api.operations import json_response, operation
from storefront.api.schemas.products import ImageUploaded
from storefront.catalog import media
from storefront.core import image_processing
from storefront.web import session as web_session
from storefront.web.route_options import max_upload

PLACEHOLDER = "icons/parcel.webp"  # below static/
FOREVER = "public, max-age=31536000, immutable"  # an uploaded image never changes
A_DAY = "public, max-age=86400"  # a file below static/ can change with a new version of the shop
FORM_OVERHEAD = 64 * 1024  # bytes of the multipart form around the file
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
        "altText": {"type": "string", "maxLength": MAX_ALT_LENGTH, "description": "What the image shows, in words"},
    },
}


@operation(
    "POST /api/products/{productId}/image",
    "uploadImage",
    tag="catalog",
    access=stock_staff,
    form=UPLOAD,
    response=ImageUploaded,
    errors=(404, 503),
    headers={"Location": "URL of the image"},
)
@max_upload(image_processing.MAX_BYTES + FORM_OVERHEAD)
def upload_image(product_id: int) -> Response:
    """Add an image to a product (staff).

    The image is decoded and re-encoded without metadata. The same image uploaded twice is stored once.
    """
    if request.mimetype != "multipart/form-data":
        raise UnsupportedMediaType
    file = request.files.get("file")
    if file is None:
        raise unacceptable("file is required", "file")
    alt = request.form.get("altText", "").strip()
    if len(alt) > MAX_ALT_LENGTH:
        raise unacceptable(f"altText may have at most {MAX_ALT_LENGTH} characters", "altText")
    content = file.stream.read(image_processing.MAX_BYTES + 1)
    picture_id = media.add_picture(product_id, content, alt, actor=web_session.current_actor())
    response = json_response(ImageUploaded, "Image uploaded successfully")
    response.headers["Location"] = f"{current_app.config['PUBLIC_ORIGIN']}/api/products/image/{picture_id}"
    return response


@operation(
    "GET /api/products/image/{imageId}",
    "getImage",
    tag="catalog",
    access=public,
    scope=Scope.READ_CATALOG,
    media=MEDIA,
    errors=(404,),
    headers={"Cache-Control": "Long-lived"},
)
@operation(
    "GET /products/image/{imageId}",
    "getImageAlias",
    tag="catalog",
    access=public,
    scope=Scope.READ_CATALOG,
    media=MEDIA,
    errors=(404,),
    headers={"Cache-Control": "Long-lived"},
)
def get_image(image_id: int) -> Response:
    """Get the bytes of an image."""
    picture = media.get_picture(image_id)
    if picture.content is not None:
        response = Response(picture.content, mimetype=picture.content_type)
        response.set_etag(picture.digest)
        response.headers["Cache-Control"] = FOREVER
        return _cross_origin(response)
    if picture.source.startswith(("http://", "https://")):
        return Response(status=302, headers={"Location": picture.source})
    return _static_file(picture.source) or _missing(image_id)


@operation(
    "GET /api/products/image/placeholder",
    "getPlaceholderImage",
    tag="catalog",
    access=public,
    scope=Scope.READ_CATALOG,
    media=MEDIA,
    headers={"Cache-Control": "Long-lived"},
)
def get_placeholder() -> Response:
    """Get the image shown for products without one."""
    return _static_file(PLACEHOLDER) or _missing(0)


def _missing(image_id: int) -> Response:
    raise media.gallery.UnknownPicture(image_id)


def _static_file(source: str) -> Response | None:
    """Send an image file below `static/`.

    :return: None if there is no such file or it is no image
    """
    path = safe_join(str(current_app.static_folder), source)
    if path is None or not Path(path).is_file() or Path(path).suffix not in IMAGE_TYPES:
        return None
    response = send_file(path, mimetype=IMAGE_TYPES[Path(path).suffix])
    response.headers["Cache-Control"] = A_DAY
    return _cross_origin(response)


def _cross_origin(response: Response) -> Response:
    """Let pages of other origins embed the image: the legacy client and e-mails do."""
    response.headers["Cross-Origin-Resource-Policy"] = "cross-origin"
    return response
