"""A small local cloud: DynamoDB Local, the functions of `template.yaml` as processes, and a poller between them.

It behaves as Lambda's event source mapping does (batches per shard, partial failures, bisecting, retries, a failure
destination), so what runs here is what is deployed. It knows no model.
"""
