"""The demo: a whole migration of a model on a real DynamoDB, while its old tables are being written to."""
