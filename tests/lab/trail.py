"""The audit trail of a daemon, read on and on: each record is parsed once, however often it is asked for."""

from __future__ import annotations

import json
import pathlib

from lab.pointsman import Record
from lab.waiting import wait_until


class Trail:
    """For a file that only grows: rotation is not followed."""

    def __init__(self, path: pathlib.Path) -> None:
        self.path = path
        self.records: list[Record] = []
        self._read = 0

    def read_on(self) -> list[Record]:
        """The records since the last call; a line that is not complete yet waits for the next one."""
        with open(self.path, "rb") as file:
            file.seek(self._read)
            whole = file.read().rpartition(b"\n")
        self._read += len(whole[0]) + len(whole[1])
        new = [json.loads(line) for line in whole[0].splitlines()]
        self.records += new
        return new

    def since(self, after_ns: int, **fields: object) -> list[Record]:
        """The records after a time of CLOCK_MONOTONIC whose fields have these values."""
        self.read_on()
        found = []
        for record in reversed(self.records):
            if record["mono_ns"] < after_ns:
                break
            if all(record.get(key) == value for key, value in fields.items()):
                found.append(record)
        return found[::-1]

    def wait_for(self, after_ns: int, timeout: float = 5.0, **fields: object) -> Record:
        """The first such record."""
        described = ", ".join(f"{key}={value}" for key, value in fields.items())
        return wait_until(lambda: self.since(after_ns, **fields), f"an audit record with {described}", timeout)[0]
