"""Loops of a template are expanded as CloudFormation does it."""

from __future__ import annotations

from pathlib import Path

import pytest

from local_cloud.document import Call, load, plain

LOOP = """
Conditions:
  Fn::ForEach::Known:
    - Name
    - [A, B]
    - ${Name}Known: !Not [!Equals [{Ref: !Sub "${Name}Arn"}, ""]]
Resources:
  Fn::ForEach::Things:
    - Name
    - [A, B]
    - Thing${Name}:
        Type: T
        Condition: !Sub "${Name}Known"
        Properties:
          Name: !Ref Name
          Other: !Ref Other
          Full: !Sub "${Stack}-${Name}"
          Of: !GetAtt [!Sub "Of${Name}", Arn]
      Role${Name}: {Type: R}
  Alone: {Type: T, Properties: {Text: !Sub "${Name}"}}
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "template.yaml"
    path.write_text(LOOP)
    return path


def test_the_body_stands_once_for_each_item(path: Path) -> None:
    document = load(path)

    assert list(document["Resources"]) == ["ThingA", "RoleA", "ThingB", "RoleB", "Alone"]
    assert document["Conditions"]["BKnown"] == Call("Not", [Call("Equals", [Call("Ref", "BArn"), ""])])


def test_the_loops_variable_is_replaced_and_nothing_else(path: Path) -> None:
    thing = load(path)["Resources"]["ThingB"]

    assert thing["Condition"] == "BKnown"
    assert thing["Properties"] == {
        "Name": "B",
        "Other": Call("Ref", "Other"),
        "Full": Call("Sub", "${Stack}-B"),
        "Of": Call("GetAtt", ["OfB", "Arn"]),
    }


def test_outside_of_a_loop_its_variable_means_nothing(path: Path) -> None:
    assert load(path)["Resources"]["Alone"]["Properties"] == {"Text": Call("Sub", "${Name}")}


def test_intrinsic_functions_as_json_has_them() -> None:
    value = {"a": [Call("Ref", "X"), Call("GetAtt", "X.Y.Z"), Call("If", ["C", Call("Condition", "D"), 1])]}

    assert plain(value) == {"a": [{"Ref": "X"}, {"Fn::GetAtt": ["X", "Y.Z"]}, {"Fn::If": ["C", {"Condition": "D"}, 1]}]}
