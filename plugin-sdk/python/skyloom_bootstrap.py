"""How modules are found while a component is built, and how memory is cleared.

A component is a picture of an interpreter's memory, so what could differ when it is built again
must not be in that memory: Python's own way of finding modules asks for the times of files, which
then lie about. This runs as the first of all modules, out of `encodings`, and knows two archives.
"""

import _imp
import sys
from _frozen_importlib import ModuleSpec

#: The library that clears memory, as the interpreter sees it.
_LIBRARY = "/0/skyloom_memory.cpython-314-wasm32-wasi.so"


class Archives:
    """Finds modules in archives whose files are stored as they are."""

    def __init__(self, archives: list) -> None:
        """Each is its path, the open file, and by name the size and start of its files."""
        self._archives = archives

    def find_spec(self, name: str, path: object = None, target: object = None):
        inside = name.replace(".", "/")
        for file, is_package in ((f"{inside}/__init__.py", True), (f"{inside}.py", False)):
            for archive, _, places in self._archives:
                if file in places:
                    origin = f"{archive}/{file}"
                    return ModuleSpec(name, self, origin=origin, is_package=is_package)
        return None

    def create_module(self, spec: ModuleSpec) -> None:
        return None

    def exec_module(self, module) -> None:
        origin = module.__spec__.origin
        module.__file__ = origin
        exec(compile(self.get_data(origin), origin, "exec", dont_inherit=True), module.__dict__)

    def get_data(self, path: str) -> bytes:
        """A file of an archive; for `pkgutil.get_data` too."""
        for archive, file, places in self._archives:
            name = path.removeprefix(f"{archive}/")
            if name in places:
                size, start = places[name]
                header = _read(file, start, 30)
                # What lies between: the name once more, and what is not used.
                for at in (26, 28):
                    start += int.from_bytes(header[at : at + 2], "little")
                return _read(file, start + 30, size)
        raise OSError(f"there is no file {path}")


def _read(file, start: int, size: int) -> bytes:
    file.seek(start)
    parts = []
    while size > 0 and (part := file.read(size)):
        parts.append(part)
        size -= len(part)
    return b"".join(parts)


_open: list = []


def begin(archives: list) -> None:
    """From here on, modules are those that are built in, frozen, or in the archives."""
    _open.extend(archives)
    finder = Archives(_open)
    sys.meta_path[2:] = [finder]
    sys.path[:] = [archive for archive, _, _ in archives]
    sys.path_hooks[:] = []
    sys.path_importer_cache.clear()
    encodings = sys.modules["encodings"]
    encodings.__spec__ = finder.find_spec("encodings")
    encodings.__loader__ = finder
    encodings.__path__ = []
    finder.exec_module(encodings)


def close() -> None:
    """From here on, no module is found that is not there."""
    for _, file, _ in _open:
        file.close()
    _open.clear()


def clear(how: str) -> None:
    """Clears what was given back, by taking it all: numbers, of which Python keeps some itself; then
    memory of any size, and the stack."""
    kept: list[object] = [float(number) for number in range(1000)]
    kept += [number << 20 for number in range(1, 1000)]
    kept.clear()
    _imp.create_dynamic(ModuleSpec(how, None, origin=_LIBRARY))
