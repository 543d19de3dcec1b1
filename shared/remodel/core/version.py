"""Versions order the changes of one old row. They are plain text, compared as text.

A stream's version is its label (the timestamp in its ARN) and the sequence number padded to 40 digits:
`2026-11-22T08:00:00.000#0000…0123`. Sequence numbers have 21 to 40 digits and grow in length, so only padded ones
compare as text like numbers. The label comes first because a stream that was switched off and on again may count from
the start. `ApproximateCreationDateTime` is whole seconds and orders nothing.
"""

from __future__ import annotations

import re

BACKFILL = "0"
"""Below every stream version: a row that a scan found is taken only where nothing is known of it yet."""

_LABEL = re.compile(r"\d{4}-\d{2}-\d{2}T[0-9:.]+")
_SEQUENCE = re.compile(r"[0-9]{1,40}")


def stream_version(label: str, sequence_number: str) -> str:
    """The version of a stream record. Raises ValueError where label or number are not what AWS writes."""
    if not _LABEL.fullmatch(label):
        raise ValueError(f"expected a stream label like 2026-11-22T08:00:00.000, found {label!r}")
    if not _SEQUENCE.fullmatch(sequence_number):
        raise ValueError(f"expected a sequence number of up to 40 digits, found {sequence_number!r}")
    return f"{label}#{sequence_number.zfill(40)}"


def newer(version: str, than: str | None) -> bool:
    """Whether a change may replace what is stored. The one place in the core that decides it."""
    return than is None or version > than
