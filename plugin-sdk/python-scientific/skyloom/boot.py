"""Begins an interpreter: its package's sources can be imported, and the plugin is.

The host runs this once for each plugin and keeps the memory that it leaves.
"""

import importlib.util
import json
import linecache
import sys

import _host


class Sources:
    """Imports modules from sources that the host gives, as if they lay in a folder."""

    def __init__(self, sources):
        self.sources = sources

    def find_spec(self, name, path=None, target=None):
        base = name.replace(".", "/")
        for file in (f"{base}.py", f"{base}/__init__.py"):
            if file in self.sources:
                is_package = file.endswith("/__init__.py")
                return importlib.util.spec_from_loader(
                    name, self, origin=file, is_package=is_package
                )
        return None

    def create_module(self, spec):
        return None

    def exec_module(self, module):
        file = module.__spec__.origin
        text = self.sources[file]
        module.__file__ = file
        # So that tracebacks quote the line.
        linecache.cache[file] = (len(text), None, text.splitlines(keepends=True), file)
        exec(compile(text, file, "exec"), module.__dict__)


sys.meta_path.insert(0, Sources(json.loads(_host.call(b'{"op": "sources"}'))["ok"]))

from skyloom import driver  # noqa: E402  (only now can it be found)

driver.start()
