"""The template of a model, made from `template.yaml`: what follows from a model is written anew, the rest stays the same text.

`template.yaml` is for the default model. Which of its parts follow from that one, the same rules say as for any other model.
"""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

from local_cloud.document import Call, read
from remodel.settings import MODEL, load_model
from runner.model import DEFAULT
from runner.names import STEM, camel
from stack import rights
from stack.parts import Parts, alarms, arn, slug
from stack.splice import Entries, Value, Words, spliced

ROOT = Path(__file__).parents[1]
Edit = Value | Entries | Words

METRICS = "Remodel/"
"""What the namespace of metrics begins with."""

VARIABLES = ("Globals", "Function", "Environment", "Variables")
FIRST = ("Properties", "PolicyDocument", "Statement", 0, "Resource")


@cache
def template(named: str) -> str:
    """`named`: `package.module:NAME`. Raises ModelNotFound, ModelError, and TemplateError."""
    text = (ROOT / "template.yaml").read_text()
    return text if named == DEFAULT else rewritten(text, named)


def stem(named: str) -> str:
    """What names in an account begin with. Those of `template.yaml` have no model in them."""
    return STEM if named == DEFAULT else f"{STEM}-{slug(load_model({MODEL: named}))}"


def rewritten(text: str, named: str) -> str:
    """The text with every part that follows from its own model as it follows from this one."""
    if named != DEFAULT:
        text = text.replace(METRICS, f"{METRICS}{slug(load_model({MODEL: named}))}/")
    document = read(text)
    own, new = Parts(load_model({MODEL: DEFAULT}), STEM), Parts(load_model({MODEL: named}), stem(named))
    return spliced(text, [Value((*VARIABLES, MODEL), named), *_layer(document, named), *_edits(document, own, new)])


def _edits(document: Any, own: Parts, new: Parts) -> Iterator[Edit]:
    resources, stages = document["Resources"], document["Parameters"]["Stage"]["AllowedValues"]
    yield Entries(("Parameters",), own.old_parameters(), new.old_parameters())
    yield Entries(("Parameters",), own.new_parameters(), new.new_parameters())
    yield Entries(("Mappings", "Sources"), own.functions(stages), new.functions(stages))
    yield Entries(VARIABLES, own.table_variables(), new.table_variables())
    yield Entries(_in("Watch", "Environment", "Variables"), own.function_variables(), new.function_variables())
    yield Value(_in("BackfillAll", "DefinitionSubstitutions", "Tables"), new.backfilled())
    like = resources["Quarantine"]
    yield Entries(("Resources",), own.new_tables(like), new.new_tables(like))
    of_sandbox = {"Fn::ForEach::SandboxTables", *own.sandbox_tables()} & resources.keys()
    yield Entries(("Resources",), of_sandbox, new.sandbox_tables())
    like = resources["FanoutRole"]
    yield Entries(("Resources",), own.roles(like), new.roles(like))
    yield from _rules(document["Rules"], new)
    yield from _loops(resources, own, new)
    yield from _policies(resources, own, new)
    yield from _alarms(new)


def _in(resource: str, *path: str | int) -> tuple[str | int, ...]:
    return ("Resources", resource, "Properties", *path)


def _rules(rules: Any, new: Parts) -> Iterator[Edit]:
    told = [each["AssertDescription"] for each in rules["StreamsAreGiven"]["Assertions"]]
    asserted = [new.streams_given(), *([new.lookups_given_together()] if new.lookups else [])]
    wanted = [{"Assert": each, "AssertDescription": told[n]} for n, each in enumerate(asserted)]
    yield Value(("Rules", "StreamsAreGiven", "Assertions"), wanted)
    yield Value(("Rules", "TablesDiffer", "Assertions"), new.names_differ())
    if new.lookups:
        yield Value(("Conditions", "LookupsLive"), new.lookups_live())
    else:
        yield Entries(("Conditions",), ["LookupsLive", "HasLookupAlarms"])


def _loops(resources: Any, own: Parts, new: Parts) -> Iterator[Edit]:
    """Those over the old tables; without lookups, none over them."""
    loops = {"Streams": new.streams, "MappingAlarms": new.streams, "StreamAlarms": new.sources}
    of_lookups = {"Lookups": new.lookups, "LookupMappingAlarms": new.lookups}
    if new.lookups:
        loops |= of_lookups
    else:
        yield Entries(("Resources",), [f"Fn::ForEach::{name}" for name in of_lookups])
    specific = {*own.write_policies([]), *map(_reading, own.sources)}
    for loop, sources in ((f"Fn::ForEach::{name}", sources) for name, sources in loops.items()):
        yield Value(("Resources", loop, 1), [camel(each) for each in sources])
        if function := resources[loop][2].get("Replicate${Source}"):
            kept = [each for each in function["DependsOn"] if each not in specific]
            needed = [*kept, *new.write_policies([]), *map(_reading, sources)]
            yield Value(("Resources", loop, 2, "Replicate${Source}", "DependsOn"), needed)


def _reading(source: str) -> str:
    """The policy that lets a function read its stream."""
    return f"Read{camel(source)}StreamPolicy"


def _policies(resources: Any, own: Parts, new: Parts) -> Iterator[Edit]:
    """Beside functions on streams, the same ones have a policy as before."""
    streams = own.roles_of(lambda *_: True)
    (first, *_) = own.write_policies([])
    others = [each for each in resources[first]["Properties"]["Roles"] if each not in streams]
    yield Entries(("Resources",), own.write_policies(others), new.write_policies(others))
    for policy, allowed in {
        "LogsPolicy": lambda *_: True,
        "MaterializePolicy": lambda *_: True,
        "KeepBatchesPolicy": lambda *_: True,
        "SendFanoutsPolicy": rights.provides,
    }.items():
        kept = [each for each in resources[policy]["Properties"]["Roles"] if each not in streams]
        yield Value(_in(policy, "Roles"), [*new.roles_of(allowed), *kept])
    for policy in ("DescribePolicy", "ScanPolicy"):
        yield Value(("Resources", policy, *FIRST), [arn(name) for name in new.sources])
    found = resources["ReconcilePolicy"]["Properties"]["PolicyDocument"]["Statement"][0]["Resource"]
    kept = [each for each in found if each not in [arn(name) for name in own.new]]
    yield Value(("Resources", "ReconcilePolicy", *FIRST), [*kept, *(arn(name) for name in new.new)])


def _alarms(new: Parts) -> Iterator[Edit]:
    at_risk = _in("DataAtRisk", "AlarmRule", 1)
    yield Value((*at_risk, 1, 1), alarms(new.sources, "AtRisk"))
    yield Value((*at_risk, 2, 1), alarms(new.streams, "NotRead", "GivenUp"))
    if new.lookups:
        yield Value((*at_risk, 3, 1), alarms(new.lookups, "NotRead", "GivenUp"))
    else:
        yield Value((*at_risk, 3), "FALSE")
    yield Value(_in("FallingBehind", "AlarmRule", 1, 0, 1), alarms(new.sources, "Behind"))
    yield Words(_in("Dashboard", "DashboardBody"), r'\["AWS/Lambda", "IteratorAge", [^\]]*\]', new.lags())


def _layer(document: Any, named: str) -> Iterator[Edit]:
    """A package that does not lie beside the engine has a layer of its own: the folder in which Python finds it."""
    package = named.partition(":")[0].partition(".")[0]
    found = importlib.util.find_spec(package)
    assert found is not None, "the model was loaded from it"
    folder = Path(next(iter(found.submodule_search_locations or [str(found.origin)]))).parent
    if folder.resolve() == (ROOT / "shared").resolve():
        return
    yield Value(("Globals", "Function", "Layers"), [Call("Ref", "Layer"), Call("Ref", "ModelLayer")])
    layer, logs = document["Resources"]["Layer"], document["Resources"]["Logs"]
    properties = {**layer["Properties"], "Description": "The model", "ContentUri": f"{os.path.relpath(folder, ROOT)}/"}
    # Whoever wrote the model need not know how the engine's layer is made.
    made = {**layer["Metadata"], "BuildMethod": document["Globals"]["Function"]["Runtime"]}
    whole = {**layer, "Properties": properties, "Metadata": made}
    yield Entries(("Resources",), ["Logs"], {"ModelLayer": whole, "Logs": logs})
