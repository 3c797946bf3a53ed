"""The module that a component is made of: the author's plugin, found and held out to the host."""

import skyloom_sandbox  # Before all else.

# What the builder looks for when this module is there.
import io  # noqa: F401
import random  # noqa: F401
import weakref  # noqa: F401
from wit_world import exports  # noqa: F401

import plugin
from skyloom import Plugin
from skyloom._guest import Guest


def _found() -> type[Plugin]:
    here = [
        each
        for each in vars(plugin).values()
        if isinstance(each, type) and issubclass(each, Plugin) and each.__module__ == "plugin"
    ]
    # One that others are derived from is not the plugin.
    last = [each for each in here if not any(each in other.__mro__[1:] for other in here)]
    if len(last) != 1:
        names = ", ".join(each.__name__ for each in last) or "none"
        raise ImportError(f"plugin.py should have one class derived from `Plugin`; it has {names}")
    return last[0]


class Node(Guest):
    def __init__(self) -> None:
        super().__init__(_found())


# What is wrong with the parameters is told by whoever builds, not by whoever runs.
_found().params_schema()
skyloom_sandbox.settle()
