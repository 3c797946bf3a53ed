"""Run inside a component while it is built, once for a version of the builder: puts the standard
library that it brings, and the contract's types, in one archive, the same each time.

It then gives up, for the archive is all that is wanted.
"""

import os
import zipfile
from importlib._bootstrap_external import _code_to_hash_pyc

#: Instead of the first module that an interpreter imports. It opens the archives and clears memory
#: of what the system said about them; only then does anything begin that stays, the compiler's own
#: words among it.
FIRST = b'''
import _frozen_importlib, _imp, _io, sys, zipimport
_archives = []
for _path in ("/0/python.zip", "/0/plugin.zip"):
    _table = zipimport._read_directory(_path)
    _file = _io.FileIO(_path)
    _file.read(1)
    _archives.append((_path, _file, {name: entry[3:5] for name, entry in _table.items() if entry}))
_source = zipimport._get_data("/0/plugin.zip", _table["skyloom_bootstrap.py"])
zipimport._zip_directory_cache.clear()
del _table, _file, _path
_imp.create_dynamic(_frozen_importlib.ModuleSpec(
    "skyloom_first", None, origin="/0/skyloom_memory.cpython-314-wasm32-wasi.so"))
sys.modules["skyloom_bootstrap"] = type(sys)("skyloom_bootstrap")
exec(compile(_source, "skyloom_bootstrap.py", "exec"), sys.modules["skyloom_bootstrap"].__dict__)
sys.modules["skyloom_bootstrap"].begin(_archives)
del _archives, _source, zipimport, _io, _imp, _frozen_importlib
'''

#: What no plugin can use: it needs a screen, a process or the network; and Python's own tests.
LEFT_OUT = {"__pycache__", "ensurepip", "idlelib", "test", "tests", "tkinter", "turtledemo"}

found: dict[str, str] = {}
for root in ("/python", "/world", "/bundled"):
    for folder, folders, files in os.walk(root):
        folders[:] = sorted(set(folders) - LEFT_OUT)
        for file in files:
            if file.endswith(".py"):
                path = os.path.join(folder, file)
                found.setdefault(os.path.relpath(path, root), path)

with zipfile.ZipFile("/0/python.zip.part", "w", zipfile.ZIP_STORED) as archive:
    for name in sorted(found):
        with open(found[name], "rb") as file:
            archive.writestr(zipfile.ZipInfo(name), file.read())
    # Compiled, it is found before the source.
    first = _code_to_hash_pyc(compile(FIRST, "encodings", "exec"), bytes(8), checked=False)
    archive.writestr(zipfile.ZipInfo("encodings/__init__.pyc"), first)
os.rename("/0/python.zip.part", "/0/python.zip")
raise SystemExit("the archive is there")
