"""What the app would run on, as the project's own template says it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from model_check import PROFILES, Hardware, cpu

from aitk_inference.core.errors import InvalidProject
from aitk_inference.core.json_paths import find, objects, text
from aitk_inference.flows.project.template import declared_values
from aitk_inference.flows.project.template_plan import Target, evaluate_template, project_resources

if TYPE_CHECKING:
    from aitk_inference.core.params import Parameters
    from aitk_inference.flows.project.template import Template

_NOBODYS = "00000000-0000-0000-0000-000000000000"
_ANYWHERE = Target(_NOBODYS, _NOBODYS, "anywhere", "anywhere")
_UNITS = {"": 1, "Ki": 1 << 10, "Mi": 1 << 20, "Gi": 1 << 30}


def hardware_of(template: Template, parameters: Parameters) -> Hardware | None:
    """Return what the template's app runs on with these parameters, or None where that is not known.

    Where in Azure it is deployed does not matter for it.
    """
    try:
        plan = evaluate_template(template, declared_values(template, parameters.values), _ANYWHERE)
        resources = project_resources(plan, template, parameters)
    except InvalidProject:
        return None
    kind = resources.profile.type
    if kind in PROFILES:
        return PROFILES[kind]
    containers = objects(find(resources.app.body, "properties", "template"), "containers")
    size = text(containers[0], "resources", "memory") if containers and kind == "Consumption" else ""
    memory = re.fullmatch(r"(\d{1,9}(?:\.\d{1,9})?)(Ki|Mi|Gi|)", size)
    return cpu(int(float(memory[1]) * _UNITS[memory[2]])) if memory else None
