"""Which model the command line works with: the setting REMODEL_MODEL, read here and nowhere else in the runner."""

from __future__ import annotations

import os

from remodel.model import Model
from remodel.settings import MODEL, load_model

DEFAULT = "measures.model:MODEL"
"""What the setting says where it is not set: the model that `template.yaml` is for."""


def named() -> str:
    return os.environ.get(MODEL) or DEFAULT


def chosen() -> Model:
    """Raises ModelNotFound, and ModelError."""
    return load_model({MODEL: named()})
