"""The demo: a whole migration of the measure model on a real DynamoDB, while its old tables are being written to."""
