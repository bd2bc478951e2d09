"""What is done to the files of pictures afterwards: let go of, made anew, carried to another store."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from datetime import timedelta

from sqlalchemy import delete, select
from sqlalchemy.exc import IntegrityError

from storefront.catalog.media.images import MAX_SIDE, keep_files, lock_product, update_cover
from storefront.catalog.media.storage import ImageStorage, UnknownPicture, store
from storefront.catalog.models import Image
from storefront.catalog.values import WIDTHS, media_path
from storefront.core import image_processing
from storefront.core.clock import utc_now
from storefront.core.image_processing import FROM_STAFF, ImageTooLarge, InvalidImage, Renditions
from storefront.db.session import read_session, retry_on_deadlock, transaction

BEING_SENT = timedelta(hours=1)  # so long a file may wait for its row
KEPT_AFTER_REMOVAL = timedelta(days=90)  # for orders to show it, and for who removed it by mistake

logger = logging.getLogger(__name__)


def delete_orphans() -> int:
    """Let go of pictures removed long ago, and of files that no picture names. :return: how many files

    Whoever sends such a picture again at this moment puts its files there anew before anything names them.
    """
    _forget_removed()
    before = utc_now() - BEING_SENT
    waiting = [name for name, written_at in store().names() if written_at < before]
    named = {digest[:32] for digest in read_session().scalars(select(Image.digest)) if digest}
    lost = [name for name in waiting if name[:32] not in named]
    for name in lost:
        store().delete(name, put_before=before)
    return len(lost)


@retry_on_deadlock
def _forget_removed() -> None:
    with transaction("catalog") as session:
        session.execute(delete(Image).where(Image.removed_at < utc_now() - KEPT_AFTER_REMOVAL))


def migrate(source: ImageStorage, target: ImageStorage, *, keeps: bool = False) -> Iterator[str]:
    """Carry every file to another store; what is there already is not carried again, so it may be run again.

    :param keeps: whether the first store keeps them, too
    :return: the name of each, once it is there
    """
    for name, _ in list(source.names()):
        try:
            if not target.exists(name):
                target.put(name, source.get(name))
        except UnknownPicture:  # somebody let go of it meanwhile
            continue
        if not keeps:
            source.delete(name)
        yield name


def regenerate() -> Iterator[int]:
    """Give pictures from before there was a store their files and widths. What cannot be read stays as it is.

    :return: the id of each, once it is done
    """
    waiting = select(Image.id, Image.product_id).where(Image.image_data.is_not(None)).order_by(Image.id)
    for picture_id, product_id in read_session().execute(waiting).all():
        content = read_session().scalar(select(Image.image_data).where(Image.id == picture_id))
        try:
            written = image_processing.make_renditions(
                content or b"", longest=MAX_SIDE, widths=WIDTHS, limits=FROM_STAFF
            )
            _name_files(product_id, picture_id, keep_files(written), written)
        except (InvalidImage, ImageTooLarge, IntegrityError) as problem:
            logger.warning("picture %d stays as it is: %s", picture_id, type(problem).__name__)
            continue
        yield picture_id


@retry_on_deadlock
def _name_files(product_id: int, picture_id: int, digest: str, written: Renditions) -> None:
    with transaction("catalog") as session:
        lock_product(session, product_id)
        row = session.scalars(select(Image).where(Image.id == picture_id)).one()
        row.image_data, row.digest, row.content_type = None, digest, written.content_type
        row.width, row.height = max(written.widths), written.height
        row.image_url = media_path(digest, row.width)
        session.flush()
        update_cover(session, product_id)
