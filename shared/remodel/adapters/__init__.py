"""The only code that touches AWS, or stands in for it."""
