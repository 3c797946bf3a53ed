"""Run inside a component while it is built, once for a version of the builder: puts the standard
library that it brings, and the contract's types, in one archive, the same each time.

It then gives up, for the archive is all that is wanted.
"""

import os
import zipfile

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
os.rename("/0/python.zip.part", "/0/python.zip")
raise SystemExit("the archive is there")
