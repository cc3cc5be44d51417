# SPDX-License-Identifier: Apache-2.0
"""Runs when Python starts, since `ttalloc-recorder --ttnn` and `--auto-step` put its directory first on PYTHONPATH: does
what TTALLOC_TTNN and TTALLOC_AUTO_STEP ask for, then leaves no trace but that, and hands over to the sitecustomize that
the program would have had. Whatever goes wrong here is said in one line, and the program runs as without it."""
import importlib.machinery
import importlib.util
import os
import sys

_HERE = os.path.dirname(os.path.abspath(__file__))


def _load(name, path):
    spec = importlib.util.spec_from_file_location(name, path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # not "ttalloc": a program that imports that gets its own copy
    spec.loader.exec_module(module)
    return module


def _begin():
    if os.environ.get("TT_ALLOC_TRACKING_ENABLED") == "1":
        _load("_ttalloc_start", os.path.join(os.path.dirname(_HERE), "ttalloc.py"))._start()


def _hand_over():
    """Takes the place of this module with the next sitecustomize of the path; ImportError when there is none, as site
    expects it."""
    sys.path[:] = [path for path in sys.path if os.path.abspath(path or ".") != _HERE]
    spec = importlib.machinery.PathFinder.find_spec("sitecustomize", sys.path)
    if spec is None or spec.loader is None:
        return
    module = importlib.util.module_from_spec(spec)
    sys.modules["sitecustomize"] = module
    spec.loader.exec_module(module)


try:
    _begin()
except Exception as error:  # noqa: BLE001  (whatever it is, the program goes on)
    print(f"ttalloc: operations and steps are not recorded: {error!r}", file=sys.stderr)
_hand_over()
