"""Alarms: few reach a person, each with one meaning and one thing to do first.

Every plain alarm belongs to one of three composite alarms, and only those notify. While the alarm `Muted` is on they stay
silent; whatever is still wrong when it ends is told then. The headings are those of `docs/runbook.md`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from stack.access import CONDITIONS, SOURCES
from stack.text import Call, attribute, ref, sub, when

OURS = sub("Remodel/${Stage}")
"""The namespace of the metrics that the functions emit."""

AT_RISK, BEHIND, DIFFER = "DataAtRisk", "FallingBehind", "ModelsDiffer"
COMPOSITES = {
    AT_RISK: (
        "Data at risk",
        "Changes may be lost for good within hours, or left the stream without being carried over",
        "look which of its alarms is on: remodel status, and the console's list of alarms",
    ),
    BEHIND: (
        "Falling behind",
        "Changes or the backfill arrive late; nothing is lost yet",
        "look at the dashboard's first row, then at the last errors in its last one",
    ),
    DIFFER: (
        "Models differ",
        "The new tables do not say what the old ones say, or nobody has looked",
        "remodel validate --full, which names each row that differs",
    ),
}
MUTED = ("Muted", "Somebody has asked for silence, for a deployment or a backfill; it ends by itself within the hour")

MINUTE, HOUR = 60, 3_600


@dataclass(frozen=True)
class Alarm:
    """`dimensions` by name. `of`: datapoints that count, and of how many. `below`: it is on below its threshold, not above."""

    name: str
    tells: str
    heading: str
    means: str
    first: str
    namespace: Any
    metric: str
    dimensions: dict[str, Any]
    statistic: str = "Sum"
    period: int = 5 * MINUTE
    threshold: int = 0
    of: tuple[int, int] = (1, 1)
    missing: str = "notBreaching"
    below: bool = False
    condition: str | None = None

    @property
    def id(self) -> str:
        return "".join(word.title() for word in self.name.split("-")) + "Alarm"


def alarms() -> list[Alarm]:
    """All plain alarms."""
    return [each for source in SOURCES for each in _of_source(source)] + _of_the_whole()


def resources() -> dict[str, Any]:
    plain = {each.id: _metric_alarm(each) for each in alarms()}
    return {**plain, "Muted": _muted(), **{id: _composite(id) for id in COMPOSITES}}


def _of_source(source: str) -> list[Alarm]:
    function = f"Replicate{source.title()}"
    by_function = {"FunctionName": ref(function)}
    by_mapping = {"EventSourceMappingUUID": ref(f"{function}Stream")}

    def alarm(name: str, tells: str, heading: str, means: str, first: str, metric: str, **more: Any) -> Alarm:
        condition = CONDITIONS.get(function) if more["dimensions"] is by_function else mapping_condition(source)
        return Alarm(
            f"{source}-{name}", tells, heading, means, first, "AWS/Lambda", metric, **more, condition=condition
        )

    return [
        alarm(
            "lagging",
            BEHIND,
            "A stream is read late",
            f"The last change of a batch of {source} was more than 5 minutes old when it was read",
            "look at throttles and failed invocations of the same table",
            metric="IteratorAge",
            dimensions=by_function,
            statistic="Maximum",
            period=MINUTE,
            threshold=5 * MINUTE * 1_000,
            of=(3, 5),
        ),
        alarm(
            "lagging-critically",
            AT_RISK,
            "A stream is read hours late",
            f"Changes of {source} are more than 6 of the 24 hours old after which DynamoDB forgets them",
            "find out what blocks the shard in the function's last errors and remove it today",
            metric="IteratorAge",
            dimensions=by_function,
            statistic="Maximum",
            period=MINUTE,
            threshold=6 * HOUR * 1_000,
        ),
        alarm(
            "not-polled",
            AT_RISK,
            "A stream is not read",
            f"Nobody has asked the stream of {source} for records for 15 minutes, not even in vain",
            "look whether the event source mapping is enabled and may read the stream: remodel status",
            metric="PolledEventCount",
            dimensions=by_mapping,
            statistic="SampleCount",
            threshold=1,
            of=(3, 3),
            missing="breaching",
            below=True,
        ),
        alarm(
            "dropped",
            AT_RISK,
            "Changes were dropped",
            f"Changes of {source} were given up and reached no failure destination",
            "remodel validate --full --repair --execute once the cause is gone",
            metric="DroppedEventCount",
            dimensions=by_mapping,
        ),
        alarm(
            "failed-batches",
            AT_RISK,
            "A batch has failed for good",
            f"A batch of {source} was given up and lies in the failure bucket",
            "read it there, mend what its error says, then replay it",
            metric="OnFailureDestinationDeliveredEventCount",
            dimensions=by_mapping,
        ),
        alarm(
            "failed-batches-lost",
            AT_RISK,
            "A failed batch could not be kept",
            f"A batch of {source} was given up and could not be written to the failure bucket",
            "give the function's role back its right to write there, then repair as for dropped changes",
            metric="DestinationDeliveryFailures",
            dimensions=by_function,
        ),
        alarm(
            "failing",
            BEHIND,
            "Invocations fail",
            f"Records of {source} have been failing, in whole batches or in part, for 15 minutes",
            "read the function's last errors: Unavailable passes by itself, anything else does not",
            metric="FailedInvokeEventCount",
            dimensions=by_mapping,
            of=(3, 3),
        ),
        alarm(
            "throttled",
            BEHIND,
            "Invocations are throttled",
            f"Lambda refuses to run the function on {source}: the account's concurrency is used up",
            "find who uses it up, or reserve some for this function",
            metric="Throttles",
            dimensions=by_function,
            period=MINUTE,
            of=(3, 5),
        ),
    ]


def _of_the_whole() -> list[Alarm]:
    quarter, full = {"service": "reconcile", "mode": "sample"}, {"service": "reconcile", "mode": "full"}
    looked: dict[str, Any] = {"statistic": "Maximum", "period": 15 * MINUTE, "missing": "ignore"}
    hourly: dict[str, Any] = {"statistic": "Maximum", "period": HOUR, "missing": "ignore"}
    machine = {"StateMachineArn": ref("BackfillAll")}

    def ours(name: str, tells: str, heading: str, means: str, first: str, metric: str, **more: Any) -> Alarm:
        return Alarm(name, tells, heading, means, first, OURS, metric, **more)

    def queue(name: str, tells: str, heading: str, means: str, first: str, metric: str, of: str, **more: Any) -> Alarm:
        name_of = {"QueueName": attribute(f"{of}.QueueName")}
        return Alarm(name, tells, heading, means, first, "AWS/SQS", metric, name_of, statistic="Maximum", **more)

    def errors(name: str, tells: str, heading: str, means: str, first: str) -> Alarm:
        function = {"FunctionName": ref(name.split("-", maxsplit=1)[0].title())}
        return Alarm(name, tells, heading, means, first, "AWS/Lambda", "Errors", function)

    return [
        ours(
            "quarantine-filled",
            DIFFER,
            "Rows are in quarantine",
            "The new model refuses rows; each stays in its old table, has no new row, and is listed with the reason",
            "remodel quarantine list, which says what is wrong with each",
            metric="QuarantineDepth",
            dimensions=quarter,
            **looked,
        ),
        ours(
            "quarantine-old",
            DIFFER,
            "Rows have been in quarantine for long",
            "A row has been in quarantine for more than three days and nobody has mended it",
            "decide with the row's owner: mend it in the old table, or write down why it stays behind",
            metric="QuarantineAge",
            dimensions=quarter,
            **looked,
            threshold=72 * HOUR,
        ),
        ours(
            "drift",
            DIFFER,
            "The models have drifted apart",
            "The new tables are not what the old ones make expect, looked at twice",
            "remodel validate --full, then with --repair --execute",
            metric="Drift",
            dimensions=full,
            **hourly,
        ),
        ours(
            "sample-mismatch",
            DIFFER,
            "Sampled rows differ",
            "Rows drawn at random differ between the models, looked at twice",
            "remodel validate --full, then with --repair --execute",
            metric="Drift",
            dimensions=quarter,
            **looked,
        ),
        ours(
            "orphans",
            DIFFER,
            "There are orphans",
            "There are new rows that follow from no old one",
            "remodel validate --full, which names them; look whether somebody else writes the new tables",
            metric="Orphaned",
            dimensions=full,
            **hourly,
        ),
        ours(
            "reconciliation-overdue",
            DIFFER,
            "Reconciliation is overdue",
            "Nobody has compared the models for three hours: that nothing differs is not known any more",
            "look whether the schedule is enabled and what the reconcile function's last errors say",
            metric="Drift",
            dimensions=full,
            statistic="SampleCount",
            period=HOUR,
            threshold=1,
            of=(3, 3),
            missing="breaching",
            below=True,
        ),
        errors(
            "reconcile-failing",
            DIFFER,
            "Reconciliation fails",
            "A reconciliation has ended in an error",
            "read the reconcile function's last errors",
        ),
        Alarm(
            "backfill-failed",
            BEHIND,
            "A backfill has failed",
            "The state machine has given a segment up",
            "read the failed state's error, remove its cause, then redrive the execution",
            "AWS/States",
            "ExecutionsFailed",
            machine,
        ),
        Alarm(
            "backfill-timed-out",
            BEHIND,
            "A backfill has failed",
            "The state machine has run for longer than it may",
            "start it again: segments that are done are passed quickly, nothing is written twice",
            "AWS/States",
            "ExecutionsTimedOut",
            machine,
        ),
        errors(
            "backfill-failing",
            BEHIND,
            "A backfill has failed",
            "A call of the backfill function has ended in an error",
            "read its last errors: what is called Unavailable is tried again by itself",
        ),
        ours(
            "backfill-stalled",
            BEHIND,
            "A backfill has stalled",
            "A segment was begun, is not done, and nobody has gone on with it for an hour",
            "remodel status says which; the command that began it goes on where it stopped",
            metric="BackfillIdle",
            dimensions=quarter,
            **looked,
            threshold=HOUR,
        ),
        ours(
            "gap",
            AT_RISK,
            "Records may have been trimmed",
            "A stream was not read for longer than it keeps its records, or not all of it could be read",
            "remodel status says which, when and why; remodel resync --execute covers the time since",
            metric="Gaps",
            dimensions={"service": "watch"},
            statistic="Maximum",
            missing="ignore",
        ),
        errors(
            "watch-failing",
            AT_RISK,
            "Nobody watches whether streams are read",
            "The function that notes when each stream was read has ended in an error",
            "read the watch function's last errors",
        ),
        ours(
            "notes-open",
            DIFFER,
            "Begun work is not finished",
            "What a dead call began has been left for half an hour, or the sweeper does not run",
            "look whether its schedule is enabled and what the sweep function's last errors say",
            metric="OldestNote",
            dimensions={"service": "sweep"},
            statistic="Maximum",
            period=15 * MINUTE,
            threshold=30 * MINUTE,
            of=(2, 2),
            missing="breaching",
        ),
        errors(
            "sweep-failing",
            DIFFER,
            "Begun work is not finished",
            "A call of the sweeper has ended in an error",
            "read the sweep function's last errors: what is called Unavailable is tried again by itself",
        ),
        queue(
            "failed-fanouts",
            DIFFER,
            "A large fan-out has failed",
            "A change that very many rows see was given up after 20 tries; their new rows are not as they should be",
            "read the fanout function's last errors, remove the cause, then move the message back to its queue",
            metric="ApproximateNumberOfMessagesVisible",
            of="FailedFanouts",
        ),
        queue(
            "fanouts-waiting",
            BEHIND,
            "Large fan-outs are waiting",
            "A change that very many rows see has been waiting for an hour to reach them",
            "look whether the fanout function runs, is throttled or fails",
            metric="ApproximateAgeOfOldestMessage",
            of="Fanouts",
            threshold=HOUR,
        ),
        errors(
            "fanout-failing",
            BEHIND,
            "Large fan-outs are waiting",
            "A call of the worker of large fan-outs has ended in an error",
            "read the fanout function's last errors: what is called Unavailable is tried again by itself",
        ),
        errors(
            "replay-failing",
            BEHIND,
            "A replay has failed",
            "A call of the replay function has ended in an error; what it had corrected stays corrected",
            "read its last errors, then call it again",
        ),
    ]


def mapping_condition(source: str) -> str:
    """Under which a source's mapping is watched."""
    return f"Has{source.title() if source in ('measures', 'people') else ''}MappingAlarms"


def anchor(heading: str) -> str:
    """As GitHub makes it of a heading."""
    return re.sub(r"[^a-z0-9 -]", "", heading.lower()).replace(" ", "-")


def description(means: str, first: str, heading: str) -> str:
    return f"{means}. First: {first}. docs/runbook.md#{anchor(heading)}"


def _metric_alarm(each: Alarm) -> dict[str, Any]:
    datapoints, periods = each.of
    properties = {
        "AlarmName": sub(f"${{AWS::StackName}}-{each.name}"),
        "AlarmDescription": description(each.means, each.first, each.heading),
        **_metric(each.namespace, each.metric, each.dimensions),
        "Statistic": each.statistic,
        "Period": each.period,
        "EvaluationPeriods": periods,
        "DatapointsToAlarm": datapoints,
        "ComparisonOperator": "LessThanThreshold" if each.below else "GreaterThanThreshold",
        "Threshold": each.threshold,
        "TreatMissingData": each.missing,
    }
    condition = {"Condition": each.condition} if each.condition else {}
    return {"Type": "AWS::CloudWatch::Alarm", **condition, "Properties": properties}


def _metric(namespace: Any, metric: str, dimensions: dict[str, Any]) -> dict[str, Any]:
    pairs = [{"Name": name, "Value": value} for name, value in dimensions.items()]
    return {"Namespace": namespace, "MetricName": metric, **({"Dimensions": pairs} if pairs else {})}


def _muted() -> dict[str, Any]:
    name, means = MUTED
    properties = {
        "AlarmName": sub("${AWS::StackName}-muted"),
        "AlarmDescription": f"{means}. docs/runbook.md#{anchor('Silence for a deployment or a backfill')}",
        **_metric(OURS, name, {}),
        "Statistic": "Maximum",
        "Period": HOUR,
        "EvaluationPeriods": 1,
        "Threshold": 0,
        "ComparisonOperator": "GreaterThanThreshold",
        "TreatMissingData": "notBreaching",
    }
    return {"Type": "AWS::CloudWatch::Alarm", "Properties": properties}


def _composite(id: str) -> dict[str, Any]:
    heading, means, first = COMPOSITES[id]
    topic = [when("MakesTopic", ref("AlarmTopic"), ref("AlarmTopicArn"))]
    rule = Call("Join", [" OR ", [_is_on(each) for each in alarms() if each.tells == id]])
    properties = {
        "AlarmName": sub(f"${{AWS::StackName}}-{anchor(heading)}"),
        "AlarmDescription": description(means, first, heading),
        "AlarmRule": rule,
        "AlarmActions": topic,
        "OKActions": topic,
        "ActionsSuppressor": ref("Muted"),
        "ActionsSuppressorWaitPeriod": 60,
        "ActionsSuppressorExtensionPeriod": 300,
    }
    return {"Type": "AWS::CloudWatch::CompositeAlarm", "Properties": properties}


def _is_on(each: Alarm) -> Any:
    """An alarm that does not exist at a stage is never on there."""
    told = sub(f'ALARM("${{{each.id}}}")')
    return when(each.condition, told, "FALSE") if each.condition else told
