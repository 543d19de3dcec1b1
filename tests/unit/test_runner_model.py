"""Which model the command line works with, and what the template calls the parts of its tables."""

from __future__ import annotations

import pytest

from remodel.errors import MissingSetting
from runner import names
from runner.model import chosen


def test_a_setting_chooses_the_model(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("REMODEL_MODEL", raising=False)
    assert chosen().name == "measures"
    monkeypatch.setenv("REMODEL_MODEL", "shop.model:MODEL")
    assert chosen().name == "shop"
    monkeypatch.setenv("REMODEL_MODEL", "shop.model")
    with pytest.raises(MissingSetting, match="package.module:NAME"):
        chosen()


def test_names_in_the_template_follow_from_the_logical_name() -> None:
    assert names.replicator("links") == "ReplicateLinks"
    assert names.new_table("measure_data") == "NewMeasureData"
    assert names.name_parameter("order-items") == "OrderItemsTable"
    assert names.stream_parameter("links") == "LinksStreamArn"
