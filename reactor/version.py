"""The extension's version, as tags and `/info` show it."""

VERSION = "0.1.0"
