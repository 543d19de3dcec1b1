"""The dashboard: can we cut over? Then a column for each old table, the work that goes on, and at its foot the last errors."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from stack.access import CONDITIONS, SOURCES
from stack.alarms import COMPOSITES, mapping_condition
from stack.text import Call, Lines, attribute, ref, sub, when

WIDTH = 24
OURS = "Remodel/${Stage}"
DIFFERENCES = ("Missing", "Different", "Orphaned", "Unindexed", "Unlinked", "Quarantined", "LeftOut")
VIOLATIONS = ("TenantViolations", "UniquenessViolations", "AmbiguousLookups", "Claims", "Repaired", "Failed")

QUEUED = ("ApproximateNumberOfMessagesVisible", "ApproximateAgeOfOldestMessage")

Metric = list[Any]
"""As CloudWatch has it: namespace, name, names and values of dimensions in turn, and how it is shown."""


def resources() -> dict[str, Any]:
    lines = ",\n".join(json.dumps(each, ensure_ascii=False) for each in widgets())
    text = Lines(f'{{"widgets": [\n{lines}\n]}}')
    properties = {"DashboardName": sub("${AWS::StackName}"), "DashboardBody": Call("Sub", [text, variables()])}
    return {"Dashboard": {"Type": "AWS::CloudWatch::Dashboard", "Properties": properties}}


def variables() -> dict[str, Any]:
    """What the body names: functions and mappings that exist at this stage, alarms."""
    found: dict[str, Any] = {}
    for source in SOURCES:
        function = f"Replicate{source.title()}"
        condition, value = CONDITIONS.get(function), ref(function)
        found[f"{source.title()}Function"] = when(condition, value, "not-connected") if condition else value
        found[f"{source.title()}Mapping"] = when(mapping_condition(source), ref(f"{function}Stream"), "not-connected")
    found |= {f"{queue}Name": attribute(f"{queue}.QueueName") for queue in ("Fanouts", "FailedFanouts")}
    return found | {f"{id}Arn": attribute(f"{id}.Arn") for id in COMPOSITES}


def widgets() -> list[dict[str, Any]]:
    rows = [
        (3, [_alarms()]),
        (6, _cut_over()),
        (5, [_graph(f"{source}: traffic", _traffic(source)) for source in SOURCES]),
        (5, [_graph(f"{source}: lag (ms), polls", _lag(source)) for source in SOURCES]),
        (5, [_graph(f"{source}: failures", _failures(source)) for source in SOURCES]),
        (6, _work()),
        (8, [_last_errors()]),
    ]
    placed, y = [], 0
    for height, row in rows:
        width = WIDTH // len(row)
        for n, widget in enumerate(row):
            placed.append({"x": n * width, "y": y, "width": width, "height": height, **widget})
        y += height
    return placed


def _cut_over() -> list[dict[str, Any]]:
    lag = [_lambda("IteratorAge", source, "Maximum", label=source) for source in SOURCES]
    drift = [_ours("Drift", "Maximum", f"drift ({mode})", service="reconcile", mode=mode) for mode in _MODES]
    sample = {"service": "reconcile", "mode": "sample"}
    quarantine = [
        _ours("QuarantineDepth", "Maximum", "rows", **sample),
        _ours("QuarantineAge", "Maximum", "seconds, the oldest", **sample),
    ]
    backfill = [_ours("BackfillIdle", "Maximum", "seconds without progress", **sample)]
    backfill += [_machine(f"Executions{end}") for end in ("Started", "Succeeded", "Failed", "TimedOut")]
    return [
        _graph("Can we cut over? Lag (ms): all near 0", lag, view="singleValue"),
        _graph("Can we cut over? Drift: all 0", drift, view="singleValue", period=3_600),
        _graph("Can we cut over? Quarantine: empty", quarantine, view="singleValue", period=900),
        _graph("Can we cut over? Backfill: done", backfill, view="singleValue", period=900),
    ]


_MODES = ("counts", "sample", "full")


def _traffic(source: str) -> list[Metric]:
    names = ("Records", "Rows", "Written", "Quarantined", "Unreadable", "Unfinished")
    return [_ours(name, "Sum", name, service="replicate", source=source) for name in names]


def _lag(source: str) -> list[Metric]:
    return [_lambda("IteratorAge", source, "Maximum"), _mapping("PolledEventCount", source)]


def _failures(source: str) -> list[Metric]:
    mapping = ("FailedInvokeEventCount", "DroppedEventCount", "OnFailureDestinationDeliveredEventCount")
    return [
        *(_mapping(name, source) for name in mapping),
        *(_lambda(name, source, "Sum") for name in ("DestinationDeliveryFailures", "Throttles", "Errors")),
        _ours("Failed", "Sum", "named errors", service="replicate", source=source),
    ]


def _work() -> list[dict[str, Any]]:
    tables = ("${Index}", "${MeasureLinksTable}", "${MeasureDataTable}")
    units = [
        ["AWS/DynamoDB", "ConsumedWriteCapacityUnits", "TableName", table, {"stat": "Sum", "label": table}]
        for table in tables
    ]
    differences = [
        _ours(name, "Maximum", f"{name} ({mode})", service="reconcile", mode=mode)
        for mode in ("counts", "full")
        for name in (*DIFFERENCES, *VIOLATIONS)
    ]
    differences += [
        _ours(name, "Sum", f"{name} ({mode})", service="reconcile", mode=mode)
        for mode, done in (("diff", "Repaired"), ("resync", "Written"))
        for name in ("Scanned", done, "Failed")
    ]
    backfill = [
        _ours(name, "Sum", f"{name} {source}", service="backfill", source=source)
        for name in ("Scanned", "Written", "Quarantined", "Failed")
        for source in SOURCES
    ]
    replay = [
        _ours(name, "Sum", f"{name} {source}", service="replay", source=source)
        for name in ("Corrected", "StillRejected", "Failed")
        for source in ("all", *SOURCES)
    ]
    beside = [_ours(name, "Sum", name, service="fanout") for name in ("FanoutsDone", "FanoutsLeft", "Failed")]
    beside += [_queue(name, queue) for queue in ("Fanouts", "FailedFanouts") for name in QUEUED]
    swept = ("NotesSwept", "NotesLeft", "OldestNote", "FanoutsStalled", "Failed")
    beside += [_ours(name, "Maximum", name, service="sweep") for name in swept]
    beside += [_ours(name, "Maximum", name, service="watch") for name in ("StreamsRead", "Gaps", "Failed")]
    graphs = {
        "Write units": units,
        "What differs": differences,
        "Backfill": backfill,
        "Replay": replay,
        "Beside": beside,
    }
    return [_graph(title, metrics) for title, metrics in graphs.items()]


def _alarms() -> dict[str, Any]:
    return {"type": "alarm", "properties": {"title": "Alarms", "alarms": [f"${{{id}Arn}}" for id in COMPOSITES]}}


def _last_errors() -> dict[str, Any]:
    query = (
        "fields @timestamp, service, source, error, message | filter level = 'ERROR' | sort @timestamp desc | limit 20"
    )
    properties = {"title": "Last errors", "region": "${AWS::Region}", "view": "table"}
    return {"type": "log", "properties": {**properties, "query": f"SOURCE '${{Logs}}' | {query}"}}


def _graph(title: str, metrics: Sequence[Metric], view: str = "timeSeries", period: int = 300) -> dict[str, Any]:
    properties = {"title": title, "view": view, "region": "${AWS::Region}", "period": period, "metrics": list(metrics)}
    return {"type": "metric", "properties": properties}


def _ours(name: str, statistic: str, label: str, **dimensions: str) -> Metric:
    return [OURS, name, *(part for pair in dimensions.items() for part in pair), {"stat": statistic, "label": label}]


def _lambda(name: str, source: str, statistic: str, label: str | None = None) -> Metric:
    shown = {"stat": statistic, "label": label or name}
    return ["AWS/Lambda", name, "FunctionName", f"${{{source.title()}Function}}", shown]


def _mapping(name: str, source: str) -> Metric:
    shown = {"stat": "Sum", "label": name}
    return ["AWS/Lambda", name, "EventSourceMappingUUID", f"${{{source.title()}Mapping}}", shown]


def _queue(name: str, queue: str) -> Metric:
    shown = {"stat": "Maximum", "label": f"{name} ({queue})"}
    return ["AWS/SQS", name, "QueueName", f"${{{queue}Name}}", shown]


def _machine(name: str) -> Metric:
    return ["AWS/States", name, "StateMachineArn", "${BackfillAll}", {"stat": "Sum", "label": name}]
