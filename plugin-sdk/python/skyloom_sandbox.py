"""What a plugin finds instead of the world: imported before anything else of it.

A plugin sees nothing but its inputs: its clock counts calls, chance is the same in each run, and
what it prints goes to the log.
"""

from __future__ import annotations

import _random
import builtins
import io
import os
import sys
import time

import skyloom_bootstrap


class _Seeded(_random.Random):
    """Chance that begins at the same place where nobody says from where."""

    def seed(self, a=0):
        super().seed(0 if a is None else a)


_source = _Seeded(0)


def _entropy(count: int, *_: object) -> bytes:
    return _source.getrandbits(8 * count).to_bytes(count, "little") if count else b""


_random.Random = _Seeded
os.urandom = _entropy

#: Nanoseconds since 1970: J2000 at first.
_ticks = 946_728_000 * 10**9


def _nanoseconds(*_: object) -> int:
    """A microsecond later than when last asked."""
    global _ticks
    _ticks += 1000
    return _ticks


def _seconds(*_: object) -> float:
    return _nanoseconds() / 1e9


def _sleep(seconds: float) -> None:
    """At once; but the clock knows."""
    global _ticks
    _ticks += int(seconds * 1e9)


for _name in ("time", "monotonic", "perf_counter", "process_time", "thread_time", "clock_gettime"):
    if hasattr(time, _name):
        setattr(time, _name, _seconds)
        setattr(time, f"{_name}_ns", _nanoseconds)
time.sleep = _sleep
# Its quick version asks C for the time, the other one asks `time`.
sys.modules["_datetime"] = None


class _Log:
    """A text file whose lines go to the log."""

    encoding = "utf-8"
    errors = "strict"

    def __init__(self, level: str) -> None:
        self._level = level
        self._line = ""

    def write(self, text: str) -> int:
        *lines, self._line = (self._line + text).split("\n")
        for line in lines:
            self._say(line)
        return len(text)

    def flush(self) -> None:
        if self._line:
            self._say(self._line)
            self._line = ""

    def isatty(self) -> bool:
        return False

    def writable(self) -> bool:
        return True

    def _say(self, line: str) -> None:
        from skyloom._guest import say

        say(self._level, line)


def _no_file(file: object, *_: object, **__: object) -> None:
    raise OSError(f"there is no file {file!r}: a plugin sees nothing but its inputs")


class _Late:
    """Says why a module that nobody imported in time is not there."""

    @staticmethod
    def find_spec(name: str, path: object = None, target: object = None) -> None:
        raise ImportError(
            f"`{name}` is not in this component; import it at the top of a file, so that it is "
            "there when the component is built",
            name=name,
        )


def settle() -> None:
    """The last thing before the picture is taken."""
    import gc

    skyloom_bootstrap.close()
    gc.collect()
    skyloom_bootstrap.clear("skyloom_last")


def close_up() -> None:
    """For a component that runs: nothing but the log hears what is printed, and no module is
    looked for in files that were there when it was built."""
    if sys.meta_path[-1] is _Late:
        return
    sys.stdout = sys.__stdout__ = _Log("info")
    sys.stderr = sys.__stderr__ = _Log("warn")
    sys.stdin = sys.__stdin__ = None
    builtins.open = io.open = _no_file
    sys.path[:] = []
    sys.meta_path[2:] = [_Late]
