"""`python -m tests.hostile RECORDS SEED`: so many hostile records and keys, on all cores.

The last line is `records N neighbours N blocked B late L`. What went wrong is named with the seed of its world.
"""

from __future__ import annotations

import os
import sys
from concurrent.futures import ProcessPoolExecutor

from tests.hostile.run import Outcome, run

CHUNK = 1_000


def in_parallel(records: int, seed: str) -> Outcome:
    total, chunks = Outcome(), -(-records // CHUNK)
    with ProcessPoolExecutor(os.cpu_count()) as pool:
        for one in pool.map(run, [CHUNK] * chunks, [f"{seed}-{n}" for n in range(chunks)]):
            total.add(one)
    return total


def main(records: int, seed: str) -> int:
    found = in_parallel(records, seed)
    for problem in (*found.blocked, *found.late):
        print(problem)
    print(f"records {found.records} neighbours {found.neighbours} blocked {len(found.blocked)} late {len(found.late)}")
    return int(bool(found.blocked or found.late))


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]), sys.argv[2]))
