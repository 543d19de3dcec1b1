"""The repetitive parts of `template.yaml`, written from data: roles, alarms, dashboard.

Pure: plain data in, text out. `python -m stack` writes the sections anew; a test fails while they are not current.
"""
