"""The whole migration through a deployed stack, driven from outside, against whatever AWS the environment points at."""
