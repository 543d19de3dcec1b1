"""`samconfig.toml` in every form that SAM takes. SAM's own parser is the referee: it reads each file before and after us, in one process."""

from __future__ import annotations

import json
import random
import subprocess
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
import tomlkit

from runner import samconfig
from runner.errors import SamconfigUnreadable, SamconfigUnwritable

ROOT = Path(__file__).parents[2]
MORE = {"LinksStreamArn": "arn:aws:dynamodb:eu-west-1:1:table/a/stream/2026-01-01T00:00:00.000", "Stage": "dev"}

HEAD = "# What a person wrote.\nversion = 0.1\n\n"
NAMED = '[dev.deploy.parameters]\nstack_name = "mine"  # and why\n'


def deploy(value: str) -> str:
    return f"{HEAD}{NAMED}parameter_overrides = {value}  # theirs\ntags = 'a=b'\n\n[prod.deploy.parameters]\nstack_name = 'p'\n"


READ = {
    "nothing but a name": HEAD + NAMED,
    "text": deploy('''"Stage=dev Text='a b'"'''),
    "text in literal quotes": deploy("""'Stage=old Text="a b" Path=a\\ b'"""),
    "text with quotes within": deploy(r'''"Stage=dev Text=\"say \\\"yes\\\"\""'''),
    "text of several lines": deploy('"""\\\n  Stage=dev \\\n  Text=a"""'),
    "text with line ends in a value": deploy('"Stage=dev\\nText=a"'),
    "text with a tab": deploy('"Stage=dev\\tText=a"'),
    "text with commas": deploy('"Stage=dev, Text=a"'),
    "text with blanks around": deploy('"   Stage=dev   Text=a=b  "'),
    "text with a parameter twice": deploy('"Stage=old Stage=older Text=a"'),
    "text with quoted names": deploy("""'"Stage"=old Text=a'"""),
    "text with an empty value": deploy("""'Stage=old Text=""'"""),
    "text that has no value": deploy("'Stage=old Text='"),
    "empty text": deploy('""'),
    "long form": deploy('"ParameterKey=Stage,ParameterValue=old ParameterKey=Text,ParameterValue=a,b"'),
    "long form, quoted": deploy(
        """'ParameterKey=Text,ParameterValue="a b" ParameterKey=KmsKeyArn,ParameterValue=""'"""
    ),
    "both forms in one text": deploy('"Stage=dev ParameterKey=Text,ParameterValue=a"'),
    "list": deploy('["Stage=old", "Text=a"]'),
    "list of several lines": deploy('[\n  "Stage=old",  # which\n  # a note\n  "Text=a b=c",\n]'),
    "list of long forms": deploy(
        '["ParameterKey=Stage,ParameterValue=old", "ParameterKey=Text,ParameterValue=\'a b\'"]'
    ),
    "list of both forms": deploy('["ParameterKey=Text,ParameterValue=a", "Stage=dev"]'),
    "list of lists": deploy('[["Stage=old"], ["Text=a", ["More=b"]]]'),
    "list of tables": deploy('[{Stage = "old"}, {Text = "a"}]'),
    "list of text and tables": deploy('["Stage=older", {Stage = "old", Text = "a"}]'),
    "list of tables and text": deploy('[{Stage = "old", Text = "a"}, "More=b"]'),
    "empty list": deploy("[]"),
    "inline table": deploy(
        '{Stage = "old", CreateNewTables = true, Count = 5, Share = 1.50, Names = ["a", " b ", ""]}'
    ),
    "empty table": deploy("{}"),
    "table": HEAD + NAMED + '\n[dev.deploy.parameters.parameter_overrides]\nStage = "old"\nText = "\'a b\'"\n',
    "array of tables": HEAD + NAMED + '\n[[dev.deploy.parameters.parameter_overrides]]\nStage = "old"\n',
    "all from global": HEAD
    + '[dev.global.parameters]\nstack_name = "g"\nregion = "eu-west-1"\nprofile = "anna"\nparameter_overrides = "Stage=old Text=a"\n',
    "global under deploy": HEAD
    + '[dev.global.parameters]\nstack_name = "g"\nregion = "eu-west-1"\nprofile = "anna"\nparameter_overrides = "Text=g"\n\n'
    + NAMED
    + 'region = "eu-west-3"\nprofile = "ben"\nparameter_overrides = "Stage=old"\n',
    "overrides from global, name from deploy": HEAD
    + NAMED
    + '\n[dev.build.parameters]\ncached = true\n\n[dev.global.parameters]\nparameter_overrides = ["Stage=old", "Text=g"]\n',
    "empty overrides over global": HEAD
    + '[dev.global.parameters]\nparameter_overrides = "Text=g"\n'
    + NAMED
    + 'parameter_overrides = ""\n',
    "nothing from another stage": HEAD
    + '[default.global.parameters]\nregion = "eu-west-1"\nparameter_overrides = "Text=d"\n'
    + '[default.deploy.parameters]\nprofile = "anna"\n'
    + NAMED,
    "dotted keys": HEAD
    + 'dev.deploy.parameters.stack_name = "mine"\ndev.deploy.parameters.parameter_overrides = "Stage=old"\n',
    "one inline table": HEAD
    + 'dev = {deploy = {parameters = {stack_name = "mine", parameter_overrides = "Stage=old"}}}\n',
    "sections out of order": HEAD
    + NAMED
    + '\n[prod.deploy.parameters]\nstack_name = "p"\n\n[dev.global.parameters]\nregion = "eu-west-2"\nparameter_overrides = "Text=g"\n',
    "tags as text": HEAD + NAMED + 'tags = "app=remodel cost-center=a:1 empty="\n',
    "tags with blanks": HEAD + NAMED + """tags = 'app="re model" stage=dev'\n""",
    "tags in a list": HEAD + NAMED + 'tags = ["app=remodel", "stage=dev"]\n',
    "tags from global": HEAD + '[dev.global.parameters]\ntags = "app=remodel"\n' + NAMED,
    "line ends of Windows": deploy('"Stage=old Text=a"').replace("\n", "\r\n"),
}

REFUSED = {
    "no version": NAMED,
    "a version as text": 'version = "0.1"\n' + NAMED,
    "a whole version": "version = 1\n" + NAMED,
    "no TOML": HEAD + "[dev.deploy",
    "a section that is none": HEAD + "[dev.deploy]\nparameters = 5\n",
    "a stage that is none": HEAD + "dev = 5\n",
    "blank overrides": deploy('"  "'),
    "overrides without a pair": deploy('"Stage"'),
    "a list with an empty text": deploy('["Stage=dev", ""]'),
    "a number": deploy("5"),
    "a list of numbers": deploy("[5]"),
    "tags as a table": HEAD + NAMED + 'tags = {app = "remodel"}\n',
    "a tag without a value": HEAD + NAMED + 'tags = "app"\n',
    "a file that is not there": deploy('"file://parameters.toml"'),
}
"""By SAM as well."""

NOT_READ = {
    "a file in a list": deploy('["Stage=dev", "file://parameters.toml"]'),
    "a file whose name looks like a parameter": deploy('"file://of Stage=dev"'),
    "a file in a table": deploy('{"$include" = "file://parameters.toml"}'),
    "an empty region": HEAD + NAMED + 'region = ""\n',
    "a name that is no text": HEAD + "[dev.deploy.parameters]\nstack_name = 5\n",
}

NOT_WRITTEN = {
    "a text that ends in a backslash": deploy("""'Stage=dev Text=a\\'"""),
    "a quote that ends in what is added": deploy("""'Stage=dev Text="a'"""),
    "a quote that does not end": deploy("""'Stage=dev "a'"""),
    "a simple quote that does not end": deploy('''"Stage=dev Text='a"'''),
    "a quote that does not end, in a list": deploy("""['Stage=dev "a']"""),
}


def asked(texts: Mapping[str, str]) -> dict[str, Any]:
    answer = subprocess.run(
        [ROOT / ".cache/sam/bin/python", ROOT / "tests/referee.py"],
        input=json.dumps({name: {"env": "dev", "text": text} for name, text in texts.items()}),
        capture_output=True,
        text=True,
        check=True,
        timeout=300,
        env={"SAM_CLI_TELEMETRY": "0"},
    )
    found: dict[str, Any] = json.loads(answer.stdout)
    return found


def odd_texts(count: int) -> list[str]:
    """Overrides that nobody would write; all that SAM's patterns tell apart is in them. A quote that does not end takes SAM
    twice as long with every character, so texts with quotes are short."""
    pick = random.Random(1)
    words = [
        "A=",
        "Bc=",
        "ParameterKey=A,",
        "ParameterValue=",
        "a",
        "=",
        " ",
        "  ",
        "\\",
        "\\ ",
        '"',
        "'",
        '\\"',
        ",",
        "\t",
        "é",
    ]
    texts = ("".join(pick.choices(words, k=pick.randint(1, 9))) for _ in range(3 * count))
    return [text for text in texts if len(text) < 24 or not set(text) & set("\"'")][:count]


ODD = {f"odd {number}": deploy(json.dumps(text, ensure_ascii=False)) for number, text in enumerate(odd_texts(200))}


def written(path: Path, text: str, more: Mapping[str, str] = MORE) -> str:
    path.write_bytes(text.encode())
    samconfig.write(path, "dev", more)
    return path.read_bytes().decode()


def read(path: Path, text: str) -> dict[str, Any]:
    path.write_bytes(text.encode())
    try:
        return asdict(samconfig.settings(path, "dev"))
    except SamconfigUnreadable as problem:
        return {"refused": str(problem)}


@pytest.fixture(scope="module")
def said(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What SAM reads in all of them; those that we have written have a name that ends in `, written`."""
    path = tmp_path_factory.mktemp("written") / "samconfig.toml"
    texts = {**READ, **REFUSED, **ODD}
    for name, text in {**READ, **ODD}.items():
        with suppress(SamconfigUnreadable, SamconfigUnwritable):
            texts[f"{name}, written"] = written(path, text)
    return asked(texts)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "samconfig.toml"


@pytest.mark.parametrize("name", READ)
def test_each_form_is_read_as_sam_reads_it(name: str, path: Path, said: dict[str, Any]) -> None:
    assert "refused" not in said[name]
    assert read(path, READ[name]) == said[name]


@pytest.mark.parametrize("name", READ)
def test_sam_reads_afterwards_what_it_read_before_and_what_was_added(name: str, said: dict[str, Any]) -> None:
    assert said[f"{name}, written"] == {**said[name], "parameters": {**said[name]["parameters"], **MORE}}


@pytest.mark.parametrize("name", [name for name in READ if name != "text of several lines"])
def test_what_a_person_wrote_stays(name: str, path: Path) -> None:
    """A comment, a line end, another section; of a text that is extended, its own line ends go."""
    old, new = READ[name], written(path, READ[name])

    kept = [
        line for line in old.splitlines(keepends=True) if "Stage" not in line and "parameter_overrides = " not in line
    ]
    assert [line for line in kept if line not in new.splitlines(keepends=True)] == []
    assert new.count("#") == old.count("#")


@pytest.mark.parametrize("name", READ)
def test_what_is_there_already_is_not_written_twice(name: str, path: Path) -> None:
    once = written(path, READ[name])

    assert written(path, once) == once


def test_texts_that_nobody_would_write_are_read_alike(path: Path, said: dict[str, Any]) -> None:
    differ = {text: said[name] for name, text in ODD.items() if _plain(read(path, text)) != _plain(said[name])}

    assert differ == {}
    assert 50 < sum("refused" in said[name] for name in ODD) < 150


def test_texts_that_nobody_would_write_are_kept_or_refused(said: dict[str, Any]) -> None:
    kept = [name for name in ODD if f"{name}, written" in said]

    assert len(kept) > 30
    for name in kept:
        assert said[f"{name}, written"]["parameters"] == {**said[name]["parameters"], **MORE}, ODD[name]


def _plain(found: Mapping[str, Any]) -> Any:
    return "refused" if "refused" in found else found


@pytest.mark.parametrize("name", REFUSED)
def test_what_sam_refuses_is_refused_by_name(name: str, path: Path, said: dict[str, Any]) -> None:
    assert "refused" in said[name]
    assert "expected" in read(path, REFUSED[name])["refused"]


@pytest.mark.parametrize("name", NOT_READ)
def test_what_only_sam_can_read_is_refused_by_name(name: str, path: Path) -> None:
    assert "expected" in read(path, NOT_READ[name])["refused"]


@pytest.mark.parametrize("name", NOT_READ | REFUSED)
def test_what_cannot_be_read_is_not_written(name: str, path: Path) -> None:
    text = {**NOT_READ, **REFUSED}[name]

    with pytest.raises(SamconfigUnreadable, match=r"expected .*(found|but)"):
        written(path, text)

    assert path.read_text() == text


@pytest.mark.parametrize("name", NOT_WRITTEN)
def test_what_cannot_be_kept_is_refused_and_the_file_stays(name: str, path: Path) -> None:
    path.write_text(NOT_WRITTEN[name])

    with pytest.raises(
        SamconfigUnwritable, match=r"expected to extend .*dev\.deploy\.parameters.* but: .*file is as it was"
    ):
        samconfig.write(path, "dev", {"Odd": "a b" if "added" in name else "arn:a:b"})

    assert path.read_text() == NOT_WRITTEN[name]


def test_a_file_in_which_something_else_would_change_stays(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever TOML's own library does to it."""
    dumps = tomlkit.dumps
    monkeypatch.setattr(tomlkit, "dumps", lambda document: dumps(document).replace("tags = 'a=b'", "tags = 'a'"))

    with pytest.raises(SamconfigUnwritable, match="another setting would change"):
        written(path, READ["text"])

    assert path.read_text() == READ["text"]


def test_a_file_that_the_library_cannot_write_stays(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def dumps(document: object) -> str:
        raise tomlkit.exceptions.TOMLKitError("no")

    monkeypatch.setattr(tomlkit, "dumps", dumps)

    with pytest.raises(SamconfigUnwritable, match="but: no"):
        written(path, READ["text"])

    assert path.read_text() == READ["text"]


@pytest.mark.parametrize("value", ["", "a b", 'say "yes"', "it's", "a\\b", "a=b,c", "ünï", "'", "a\\ b"])
def test_a_value_is_quoted_as_sam_unquotes_it_or_refused(value: str, path: Path) -> None:
    """`test_texts_…` holds our reading against SAM's; here it is the judge."""
    for name in ("text", "text in literal quotes", "long form", "list", "table", "inline table"):
        try:
            written(path, READ[name], {"Odd": value})
        except SamconfigUnwritable:
            assert value == "a\\ b" or (value == "'" and "table" in name), (name, value)
            assert path.read_text() == READ[name]
        else:
            assert samconfig.settings(path, "dev").parameters["Odd"] == value


def test_text_stays_text(path: Path) -> None:
    old = READ["text"]

    assert written(path, old, {"Odd": "arn:a:b/c"}) == old.replace("'a b'\"", "'a b' Odd=arn:a:b/c\"")


def test_a_form_is_kept(path: Path) -> None:
    assert "parameter_overrides = 'Stage=dev Text=\"a b\" Path=a\\ b Odd=1'  # theirs" in written(
        path, READ["text in literal quotes"], {"Stage": "dev", "Odd": "1"}
    )
    assert ',b ParameterKey=Odd,ParameterValue=1"  # theirs' in written(path, READ["long form"], {"Odd": "1"})
    assert '  "Stage=dev",  # which\n' in written(path, READ["list of several lines"])
    assert 'Odd = "1"' in written(path, READ["table"], {"Odd": "1"})
    assert ' Odd=1"""' in written(path, READ["text of several lines"], {"Odd": "1"})


def test_what_is_inherited_is_written_where_it_stands(path: Path) -> None:
    assert "dev.deploy" not in written(path, READ["all from global"])


@pytest.mark.parametrize("text", [None, "", HEAD])
def test_a_stage_that_is_not_there_yet_is_made_so_that_sam_takes_the_file(text: str | None, path: Path) -> None:
    if text is not None:
        path.write_text(text)
    assert samconfig.settings(path, "dev").parameters == {}

    samconfig.write(path, "dev", {"Stage": "dev"})

    assert samconfig.settings(path, "dev").parameters == {"Stage": "dev"}
    assert "version = 0.1" in path.read_text()


@pytest.mark.parametrize("suffix", [".yaml", ".yml"])
def test_a_file_that_ours_would_hide_from_sam_is_refused(suffix: str, path: Path) -> None:
    path.with_suffix(suffix).write_text("version: 0.1\n")

    with pytest.raises(SamconfigUnreadable, match=f"found samconfig{suffix}"):
        samconfig.write(path, "dev", MORE)
    assert not path.exists()

    path.write_text(HEAD)
    samconfig.write(path, "dev", MORE)


def test_a_file_in_another_encoding_is_refused(path: Path) -> None:
    path.write_bytes(b"version = 0.1 # \xff\n")

    with pytest.raises(SamconfigUnreadable, match="UTF-8"):
        samconfig.settings(path, "dev")


def test_our_own_file_names_every_stage() -> None:
    for stage in ("sandbox", "dev", "staging", "prod"):
        found = samconfig.settings(ROOT / "samconfig.toml", stage)
        assert (found.stack_name, found.parameters["Stage"]) == (f"remodel-{stage}", stage)
