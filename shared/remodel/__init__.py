"""The engine: moves a live DynamoDB application from one data model to another.

It knows streams, versions, groups, rosters and new rows; it knows nothing of any particular model. A model is a
package beside it (`measures` is the first) that implements `remodel.core.model`.

Read in the order in which data travels: `core.record` (a stream record is understood), `core.change` (a batch becomes
changes), `flow.ingest` (changes enter the index), `flow.settle` (the new tables are made to agree with the index).
"""
