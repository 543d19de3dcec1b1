"""`make e2e`: builds and deploys this very template, drives a whole migration through it from outside, and deletes it again.

Against whatever AWS the environment points at: AWS_ENDPOINT_URL (without it, AWS itself), credentials, Region. It makes a
stack with tables of its own names, and refuses where a migration of that stage stands already. It needs a Python of the
functions' version on the PATH, as `sam build` does.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
import time
import traceback
from collections.abc import Callable

from runner.model import DEFAULT
from tests.e2e.migration import Migration
from tests.e2e.place import Place, StepFailed


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="e2e", description=__doc__)
    parser.add_argument("--stack", default="remodel-e2e", help="its name (remodel-e2e)")
    parser.add_argument("--stage", choices=["sandbox", "dev"], default="sandbox", help="sandbox (default) or dev")
    parser.add_argument("--architecture", choices=["arm64", "x86_64"], default="arm64", help="of the functions (arm64)")
    parser.add_argument("--model", default=DEFAULT, help=f"as package.module:MODEL ({DEFAULT})")
    parser.add_argument("--seed", type=int, default=7, help="of everything random (7)")
    parser.add_argument("--keep", action="store_true", help="leave the stack standing")
    parser.add_argument("--delete", action="store_true", help="only remove what a run with --keep has left")
    return parser.parse_args()


def main() -> int:
    asked, began = arguments(), time.monotonic()
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # who is stopped cleans up, too
    os.environ["REMODEL_MODEL"] = asked.model
    place = Place(asked.stack, asked.stage, asked.architecture, asked.model)
    print(
        f"e2e: stack {place.name}, stage {place.stage}, {place.named}, {place.architecture}, "
        f"against {place.endpoint or 'AWS'}",
        flush=True,
    )
    if asked.delete:
        gone = done("removal", place.delete)
        print("e2e: removed" if gone else "e2e: FAILED at: removal")
        return 0 if gone else 1
    if not done("an empty stage", place.check):
        return 1
    migration = Migration(place, asked.seed)
    failed = next((name for name, step in migration.steps() if not done(name, step)), None)
    if asked.keep:
        print("left standing: `python -m tests.e2e --delete` removes it")
    elif not done("removal", place.delete):
        failed = failed or "removal"
    if failed:
        print(f"e2e: FAILED at: {failed}")
        return 1
    print(f"e2e: passed, {time.monotonic() - began:.0f} s")
    return 0


def done(name: str, step: Callable[[], object]) -> bool:
    print(f"\n== {name}", flush=True)
    began = time.monotonic()
    try:
        step()
    except StepFailed as problem:
        print(f"FAILED: {problem}")
        return False
    except (Exception, KeyboardInterrupt):
        traceback.print_exc(file=sys.stdout)
        return False
    print(f"   {time.monotonic() - began:.0f} s", flush=True)
    return True


if __name__ == "__main__":
    sys.exit(main())
