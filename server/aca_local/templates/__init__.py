"""Evaluates Azure Resource Manager templates as Azure's own engine does. No HTTP, no storage, no SDK.

`evaluate` turns a template and its parameters into a `Plan`; `resolve` finishes what only existing resources
can answer; `snapshot` shows a plan as `bicep snapshot` does.
"""

from aca_local.templates.api import evaluate, resolve, snapshot
from aca_local.templates.errors import TemplateError
from aca_local.templates.model import (
    CopyInfo,
    Expression,
    Output,
    Plan,
    PlannedResource,
    Runtime,
    Scope,
    Volatile,
)
from aca_local.templates.values import JSON

__all__ = [
    "JSON",
    "CopyInfo",
    "Expression",
    "Output",
    "Plan",
    "PlannedResource",
    "Runtime",
    "Scope",
    "TemplateError",
    "Volatile",
    "evaluate",
    "resolve",
    "snapshot",
]
