"""Makes the shop that `test_upgrade.py` brings up to the present: by the code and the tests of commit 438bf0e.

    git worktree add --detach /tmp/old 438bf0e
    python tests/upgrade/make_old_shop.py --checkout /tmp/old

writes `shops/438bf0e/` beside this file: `sqlite/<schema>.db.gz`, `mariadb/databases.sql.gz` (triggers included) and
`facts.json`, what each of them holds. MariaDB is found or started as `bin/test` does. The time of day is made up; the
numbers of orders are random, so that another run makes another shop like it.
"""

from __future__ import annotations

import argparse
import gzip
import json
import os
import re
import sys
import tempfile
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
FIRST_DAY = datetime(2026, 11, 21, 6, 0, tzinfo=UTC)
OWN_NAME = re.compile(rb"`storefront_test_\w+_([a-z]+)`")
DEFINER = re.compile(rb"/\*!50017 DEFINER=[^*]*\*/ ")  # of triggers: only somebody like them could load those
SELLER = {"SHOP_ADDRESS": "1 Market Street | Pune 411001", "SHOP_TAX_NUMBER": "27ABCDE1234F1Z5"}


def make(engine: str, into: Path) -> dict[str, Any]:
    """Make the shop on one engine and dump it.

    :param engine: sqlite or mariadb
    :param into: the folder that receives the dump
    :return: the facts about it
    """
    from storefront.core import clock
    from storefront.db import migrations
    from tests.conftest import make_databases
    from tests.fakes import Clock
    from tests.isolated_shop import shop_at

    now = Clock(FIRST_DAY)
    clock._read = now.read
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for url in make_databases(engine, folder):
            with shop_at(url, folder, **SELLER) as app:
                with app.app_context():
                    migrations.upgrade()
                facts = tell(app, now, folder)
                dump(app, into)
    return facts


def tell(app: Any, now: Any, folder: Path) -> dict[str, Any]:
    """Let everything happen in the shop.

    :return: the facts that the test compares, and whom and what it looks at
    """
    import snapshot
    import story

    from config import SCHEMAS
    from storefront.accounts import service as accounts
    from storefront.cli import consistency
    from storefront.db import migrations
    from storefront.db.session import db

    told = story.Story(app, now, folder)
    told.tell()
    with app.app_context():
        held = snapshot.take(db.engines)
        return {
            "made_at": now.read().isoformat(),
            "revisions": {schema: migrations.revision_of(schema) for schema in SCHEMAS},
            "rows": {table: len(rows) for table, rows in held.items()},
            "figures": snapshot.figures(held),
            "doctor": list(consistency.faults()),
            "password": story.PASSWORD,
            "accounts": {"customer": told.customer.id, "deleted": told.deleted}
            | {person.role.value: person.id for person in accounts.staff_members()},
            "orders": {name: order.id for name, order in told.placed.items()},
            "product": f"/product/{told.goods[0].id}-{told.goods[0].slug}",
        }


def dump(app: Any, into: Path) -> None:
    """Copy the databases as `backup` does, and pack what it wrote: for databases called `storefront_<schema>`."""
    from storefront.cli.backup import archive

    into.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as name, app.app_context():
        folder = Path(name) / "backup"
        archive.make(folder)
        for path in [*folder.glob("*.db"), *folder.glob("*.sql")]:
            content = path.read_bytes()
            if path.suffix == ".sql":
                content = OWN_NAME.sub(rb"`storefront_\1`", DEFINER.sub(b"", content))
            packed = gzip.compress(content, 9, mtime=0)
            (into / f"{path.name}.gz").write_bytes(packed)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--checkout", type=Path, required=True, help="a checkout of commit 438bf0e")
    parser.add_argument("--into", type=Path, default=HERE / "shops" / "438bf0e")
    options = parser.parse_args()
    into = options.into.resolve()
    sys.path.insert(0, str(options.checkout.resolve()))
    os.chdir(options.checkout)
    with ExitStack() as stack:
        from tests import run

        os.environ["TEST_MARIADB_URL"] = run.find_mariadb(stack)  # before `tests.conftest` is imported
        facts = {engine: make(engine, into / engine) for engine in ("sqlite", "mariadb")}
    (into / "facts.json").write_text(json.dumps(facts, indent=1, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
