"""What a plugin finds instead of the world: imported before anything else of it.

A plugin sees nothing but its inputs: its clock counts calls, chance is the same in each run, and
what it prints goes to the log. And a component is a picture of an interpreter's memory, so what
could differ when it is built again must not be in that memory: no times of files, no chance.
"""

from __future__ import annotations

import _imp
import _io
import sys
import zipimport
from importlib.machinery import ModuleSpec

#: The archives that a component is built from: Python's own modules, and the plugin's.
_ARCHIVES = ("/0/python.zip", "/0/plugin.zip")
#: The library that clears the memory of C code, beside them.
_LIBRARY = "/0/skyloom_memory.cpython-314-wasm32-wasi.so"


class _Archive:
    """An archive of files that are stored as they are, opened once."""

    def __init__(self, path: str) -> None:
        self.path = path
        table = zipimport._read_directory(path).items()
        # Folders have no entry of their own.
        self._places = {name: entry[3:5] for name, entry in table if entry}
        self._file = _io.FileIO(path)
        self._read(0, 1)

    def __contains__(self, name: str) -> bool:
        return name in self._places

    def read(self, name: str) -> bytes:
        size, start = self._places[name]
        header = self._read(start, 30)
        names = int.from_bytes(header[26:28], "little") + int.from_bytes(header[28:30], "little")
        return self._read(start + 30 + names, size)

    def _read(self, start: int, size: int) -> bytes:
        self._file.seek(start)
        parts = []
        while size > 0 and (part := self._file.read(size)):
            parts.append(part)
            size -= len(part)
        return b"".join(parts)

    def close(self) -> None:
        self._file.close()
        self._places = {}


class _Archives:
    """Finds modules in the archives. Python's own finder would ask for the times of files,
    which would lie about in memory."""

    def __init__(self) -> None:
        self._archives = [_Archive(path) for path in _ARCHIVES]

    def find_spec(self, name: str, path: object = None, target: object = None):
        inside = name.replace(".", "/")
        for archive in self._archives:
            for file, is_package in ((f"{inside}/__init__.py", True), (f"{inside}.py", False)):
                if file in archive:
                    origin = f"{archive.path}/{file}"
                    return ModuleSpec(name, self, origin=origin, is_package=is_package)
        return None

    def create_module(self, spec: ModuleSpec) -> None:
        return None

    def exec_module(self, module) -> None:
        origin = module.__spec__.origin
        module.__file__ = origin
        exec(compile(self.get_data(origin), origin, "exec", dont_inherit=True), module.__dict__)

    def get_data(self, path: str) -> bytes:
        """A file of a package; for `pkgutil.get_data` too."""
        for archive in self._archives:
            name = path.removeprefix(f"{archive.path}/")
            if name in archive:
                return archive.read(name)
        raise OSError(f"there is no file {path}")

    def close(self) -> None:
        for archive in self._archives:
            archive.close()


def _clear(how: str) -> None:
    """Clears what was given back: small pieces of memory by taking them all, and the stack."""
    kept: list[object] = [float(number) for number in range(1000)]
    kept += [bytes(size) for size in range(0, 480, 8) for _ in range(64)]
    kept += [1 << bits for bits in range(31, 480, 15) for _ in range(64)]
    kept.clear()
    _imp.create_dynamic(ModuleSpec(how, None, origin=_LIBRARY))


# Built-in modules and frozen ones, then ours; no other.
_archives = _Archives()
sys.meta_path[2:] = [_archives]
sys.path[:] = list(_ARCHIVES)
sys.path_hooks[:] = []
sys.path_importer_cache.clear()
zipimport._zip_directory_cache.clear()
_clear("skyloom_first")

import _random  # noqa: E402
import builtins  # noqa: E402
import io  # noqa: E402
import os  # noqa: E402
import time  # noqa: E402


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

    _archives.close()
    gc.collect()
    _clear("skyloom_last")


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
