"""Maintenance of image files: deletes orphans, migrates between stores, regenerates old images."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from datetime import timedelta

from sqlalchemy import delete, select
from sqlalchemy.exc import IntegrityError

from storefront.catalog.media.images import MAX_SIDE, lock_product, store_files, update_cover
from storefront.catalog.media.storage import ImageStorage, UnknownPicture, store
from storefront.catalog.models import Image
from storefront.catalog.values import WIDTHS, media_path
from storefront.core import image_processing
from storefront.core.clock import utc_now
from storefront.core.image_processing import FROM_STAFF, ImageTooLarge, InvalidImage, Renditions
from storefront.db.session import read_session, retry_on_deadlock, transaction

UPLOAD_GRACE = timedelta(hours=1)  # a younger file may still get its row: files are stored first
RETENTION = timedelta(days=90)  # of a removed image, which orders still show and staff can restore

logger = logging.getLogger(__name__)


def delete_orphans() -> int:
    """Purge images removed long ago, and delete files that no image refers to.

    An upload of the same image at the same time is safe: it stores its files again, and `put_before` spares those.

    :return: number of files deleted
    """
    _purge_removed()
    before = utc_now() - UPLOAD_GRACE
    old_files = [name for name, written_at in store().names() if written_at < before]
    used = {digest[:32] for digest in read_session().scalars(select(Image.digest)) if digest}
    orphans = [name for name in old_files if name[:32] not in used]
    for name in orphans:
        store().delete(name, put_before=before)
    return len(orphans)


@retry_on_deadlock
def _purge_removed() -> None:
    with transaction("catalog") as session:
        session.execute(delete(Image).where(Image.removed_at < utc_now() - RETENTION))


def migrate(source: ImageStorage, target: ImageStorage, *, keeps: bool = False) -> Iterator[str]:
    """Move every file to another store; files that are there already are not copied again, so it can be repeated.

    :param keeps: copy instead: leave the files in the source, too
    :return: yields the name of each file once it is in the target
    """
    for name, _ in list(source.names()):
        try:
            if not target.exists(name):
                target.put(name, source.get(name))
        except UnknownPicture:  # deleted after it was listed
            continue
        if not keeps:
            source.delete(name)
        yield name


def regenerate() -> Iterator[int]:
    """Move images stored in the database row, as older versions did, to the image store in all widths.

    Images that cannot be decoded are logged and left as they are.

    :return: yields the id of each image done
    """
    waiting = select(Image.id, Image.product_id).where(Image.image_data.is_not(None)).order_by(Image.id)
    for picture_id, product_id in read_session().execute(waiting).all():
        content = read_session().scalar(select(Image.image_data).where(Image.id == picture_id))
        try:
            renditions = image_processing.make_renditions(
                content or b"", longest=MAX_SIDE, widths=WIDTHS, limits=FROM_STAFF
            )
            _refer_to_files(product_id, picture_id, store_files(renditions), renditions)
        except (InvalidImage, ImageTooLarge, IntegrityError) as problem:
            logger.warning("image %d not regenerated: %s", picture_id, type(problem).__name__)
            continue
        yield picture_id


@retry_on_deadlock
def _refer_to_files(product_id: int, picture_id: int, digest: str, renditions: Renditions) -> None:
    with transaction("catalog") as session:
        lock_product(session, product_id)
        row = session.scalars(select(Image).where(Image.id == picture_id)).one()
        row.image_data, row.digest, row.content_type = None, digest, renditions.content_type
        row.width, row.height = max(renditions.widths), renditions.height
        row.image_url = media_path(digest, row.width)
        session.flush()
        update_cover(session, product_id)
