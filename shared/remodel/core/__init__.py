"""The pure core: plain data in, plain data out. No boto3, no environment, no clock, no randomness."""
