"""The history of the tables, applied by `itembank init` and `itembank upgrade`."""

HEAD = "0008"
