"""`python -m stack` writes the generated sections of `template.yaml` anew."""

from __future__ import annotations

from pathlib import Path

from stack.sections import renewed

TEMPLATE = Path(__file__).resolve().parents[1] / "template.yaml"

if __name__ == "__main__":
    TEMPLATE.write_text(renewed(TEMPLATE.read_text()))
