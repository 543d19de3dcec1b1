"""An application to try `remodel` with: `python -m demo.live` fills the old tables and changes them until Ctrl-C.

Started again, it goes on with the rows that there are; and with the new tables once the read flag says so.
"""

from __future__ import annotations

import argparse
import os
import random
import sys
import time

from demo.application import Application
from demo.cast import Cast, cast_of
from demo.newversion import NewVersion
from local_cloud.cloud import Cloud
from local_cloud.emulator import PORT
from local_cloud.stage import own_folder
from remodel.model import Model
from remodel.store import INDEX, QUARANTINE
from runner.model import chosen, named

TOLD = 2.0
"""Seconds between two lines of what was done."""

PAUSE = 0.2
"""Seconds between two changes of a writer, until rows are corrected."""


def main() -> int:
    asked = _arguments()
    cast = cast_of(chosen(), asked.seed)
    cloud = Cloud(asked.endpoint_url, own_folder("demo"), asked.prefix, named=named())
    new = NewVersion(cloud.dynamodb, cloud.tables, cast.model, random.Random(asked.seed))
    try:
        if not new.reads_new():
            _write_old(cloud, cast, asked, new)
        _write_new(new)
    except KeyboardInterrupt:
        print("the application has paused")
        return 130
    return 0


def _arguments() -> argparse.Namespace:
    place = {name: os.environ.get(f"REMODEL_{name}") for name in ("ENDPOINT_URL", "PREFIX")}
    parser = argparse.ArgumentParser(prog="python -m demo.live", description=__doc__)
    parser.add_argument("--endpoint-url", default=place["ENDPOINT_URL"] or f"http://127.0.0.1:{PORT}")
    parser.add_argument("--prefix", default=place["PREFIX"] or "", help="what the tables' names begin with")
    parser.add_argument("--rows", type=int, default=300, help="rows in the old tables at the start (300)")
    parser.add_argument("--seed", type=int, default=7, help="of everything random (7)")
    parser.add_argument("--correct", action="store_true", help="correct the rows that the new model rejects")
    return parser.parse_args()


def stack_tables(model: Model) -> tuple[str, ...]:
    """Those that are not the application's."""
    return (*model.new_tables, INDEX, QUARANTINE)


def _write_old(cloud: Cloud, cast: Cast, asked: argparse.Namespace, new: NewVersion) -> None:
    """Until the read flag says that the new tables are to be read."""
    cloud.create_tables(streams=False, but=stack_tables(cast.model))
    application = Application(cloud.dynamodb, cloud.tables, cast)
    rows = application.load()
    rows = rows if any(rows.values()) else application.seed(asked.rows)
    print(f"{sum(map(len, rows.values())):,} rows in the old tables; changing them, until Ctrl-C", flush=True)
    application.start(rows, PAUSE)
    if asked.correct:
        application.writer.correct(keep=0)
    try:
        while not new.reads_new():
            time.sleep(TOLD)
            application.check()
            print(
                f"{application.changes.total()} changes; {len(application.writer.rejected)} rows are rejectable",
                flush=True,
            )
    finally:
        application.pause()


def _write_new(new: NewVersion) -> None:
    print("the read flag says 'new': reading and writing the new tables, until Ctrl-C", flush=True)
    new.start()
    told = 0
    while new.problem is None:
        time.sleep(TOLD)
        for each in new.told[told:]:
            print(each, flush=True)
        told = len(new.told)
    raise new.problem


if __name__ == "__main__":
    sys.exit(main())
