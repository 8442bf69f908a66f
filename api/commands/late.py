"""Imports code when it is needed, and without looks for cycles among what it makes."""

import gc
from importlib import import_module
from types import ModuleType


def late(module: str) -> ModuleType:
    """The module. What imports make lives as long as the process: looking through it again and
    again takes a quarter of a start, and never finds anything."""
    gc.disable()
    try:
        return import_module(module)
    finally:
        gc.freeze()
        gc.enable()
