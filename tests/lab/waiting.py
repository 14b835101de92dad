"""Waiting for a condition, never for a time."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


class Deadline(AssertionError):
    """A condition did not come true in time; the message says which."""


def wait_until(condition: Callable[[], T], what: str, timeout: float = 5.0, interval: float = 0.01) -> T:
    """The first truthy value of `condition`; raises Deadline after `timeout` seconds."""
    end = time.monotonic() + timeout
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() >= end:
            raise Deadline(f"not within {timeout:g} s: {what}")
        time.sleep(interval)
