"""What the commands of tests/ have in common: how they end."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import NoReturn


def run(name: str, main: Callable[[], int]) -> NoReturn:
    """Exits with what `main` returns; 130 after Ctrl-C; 1 with one line for what went wrong on this machine."""
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
    except (AssertionError, RuntimeError, OSError) as failure:
        print(f"{name}: {failure}", file=sys.stderr)
        sys.exit(1)
