"""Access to the API: its keys, and the events that are reported to it."""
