"""The error that people are told about, in one line that says what to do."""

from __future__ import annotations


class BaselineError(Exception):
    """A clip or a model that cannot be used."""
