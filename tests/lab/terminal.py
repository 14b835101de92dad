"""Compact output: colour only on a terminal and without NO_COLOR."""

from __future__ import annotations

import os
import sys
import time

_COLOURS = {"bold": "1", "dim": "2", "red": "31", "green": "32", "yellow": "33", "cyan": "36"}


def paint(text: str, *styles: str) -> str:
    if not sys.stdout.isatty() or "NO_COLOR" in os.environ:
        return text
    return "".join(f"\033[{_COLOURS[style]}m" for style in styles) + text + "\033[0m"


def heading(text: str) -> None:
    print(f"\n{paint(text, 'bold')}")


class Story:
    """Lines with the seconds since the beginning before them."""

    def __init__(self) -> None:
        self._began = time.monotonic()

    def tell(self, text: str) -> None:
        print(f"  {paint(f'{time.monotonic() - self._began:5.1f} s', 'dim')}  {text}", flush=True)


def row(label: str, *cells: str, width: int = 26) -> None:
    print(f"  {label:<{width}}" + "  ".join(cells))
