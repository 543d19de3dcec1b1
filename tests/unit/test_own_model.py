"""A model in a folder of its own, outside of the project, is tested in one line each."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

PAGE = """
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Literal

from remodel.joins import one
from remodel.kinds import Index, Kind, New, Old
from remodel.model import Model

CLINIC = Old("clinic-data", PK=str, SK=str)


class Patient(Kind, of=CLINIC, PK="PAT#{patient_id}", SK="FILE"):
    patient_id: str
    name: str
    ward: Literal["east", "west"] = "east"


class Dose(Kind, of=CLINIC, PK="PAT#{patient_id}", SK="DOSE#{n}"):
    patient_id: str
    n: int
    amount: Decimal


DOSES = New("doses", patient_id=str, n=int, indexes=[Index("by-amount", "name", "amount", types={"amount": Decimal})])
PATIENTS = New("patients", patient_id=str)

MODEL = Model("clinic")


@MODEL.becomes(PATIENTS)
def patient(it: Patient) -> Mapping[str, Any]:
    return {"name": it.name, "ward": it.ward}


@MODEL.becomes(DOSES, joins={"whose": one(Patient, sees=["name"])})
def dose(it: Dose, whose: Any) -> Mapping[str, Any]:
    return {"amount": it.amount, "name": whose and whose.name}
"""

TESTS = """
from clinic import MODEL
from remodel_testing import check, example, simulate


def test_the_laws() -> None:
    check(MODEL)


def test_schedules_converge() -> None:
    simulate(MODEL, schedules=10)


def test_a_dose_shows_whose_it_is() -> None:
    found = example(
        MODEL,
        clinic_data=[
            {"PK": "PAT#1", "SK": "FILE", "name": "Ann", "left": None},
            {"PK": "PAT#1", "SK": "DOSE#2", "amount": 3},
            {"PK": "PAT#1", "SK": "DOSE#x", "amount": 3},
        ],
    )
    assert found == {
        "patients": [{"patient_id": "1", "name": "Ann", "ward": "east"}],
        "doses": [{"patient_id": "1", "n": 2, "amount": 3, "name": "Ann"}],
        "quarantine": [{"reason": "expected fields of Dose's types in its key, found text that is none"}],
    }
"""


def test_three_lines_test_a_model(tmp_path: Path) -> None:
    (tmp_path / "clinic.py").write_text(PAGE)
    (tmp_path / "test_clinic.py").write_text(TESTS)

    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(tmp_path)]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stdout
    assert "3 passed" in done.stdout
