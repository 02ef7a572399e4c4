"""Evaluates Azure Resource Manager templates as Azure's own engine does. No HTTP, no storage, no SDK.

The door to the package: whoever uses it imports from here.

- `read_template` reads a template's text;
- `evaluate` turns a template and its parameters into a `Plan`;
- `Plan` and `PlannedResource` say what would be deployed;
- `open_expressions` lists what in a value of a plan is not known yet;
- `resolve` finishes what only existing resources can answer;
- `snapshot` shows a plan as `bicep snapshot` does.
"""

from arm_template.api import evaluate, resolve, snapshot
from arm_template.errors import TemplateError
from arm_template.hashing import unique_string
from arm_template.plan import (
    CopyInfo,
    Output,
    Plan,
    PlannedResource,
    Runtime,
    Scope,
    Volatile,
    open_expressions,
)
from arm_template.source_positions import read_template
from arm_template.values import JSON, Expression, find_key

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
    "find_key",
    "open_expressions",
    "read_template",
    "resolve",
    "snapshot",
    "unique_string",
]
