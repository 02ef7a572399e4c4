"""What a template must look like before anything in it is evaluated. The words are the engine's."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from arm_template.errors import AT, TemplateError, fault
from arm_template.values import find_key

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from arm_template.values import JSON

Where = tuple[str | int, ...]
SYNTAX = "https://aka.ms/arm-syntax"
PARAMETERS = "https://aka.ms/arm-syntax-parameters"
OUTPUTS = "https://aka.ms/arm-syntax-outputs"
SCHEMA = re.compile(
    r"https?://schema\.management\.azure\.com/schemas/(2014-04-01-preview|2015-01-01|2018-05-01|2019-04-01|2019-08-01)/"
    r"[A-Za-z]+\.json#?"  # Azure looks at the version alone (recorded: deploymentParameters.json is taken)
)
SCHEMAS = "2014-04-01-preview,2015-01-01,2018-05-01,2019-04-01,2019-08-01"
LANGUAGES = {"2.0", "1.9-experimental", "1.10-experimental", "2.1-experimental", "2.2-experimental"}
KNOWN = {"$schema", "contentVersion", "languageVersion", "apiProfile", "metadata", "parameters", "variables"}
KNOWN |= {"functions", "resources", "outputs", "definitions", "imports", "extensions", "asserts", "rules"}
SECTION_NAMES = {name.lower(): name for name in KNOWN}
SECTIONS = set(SECTION_NAMES)
MEMBERS = {
    "type",
    "name",
    "apiversion",
    "location",
    "sku",
    "kind",
    "plan",
    "identity",
    "tags",
    "zones",
    "scale",
}
MEMBERS |= {
    "managedby",
    "managedbyextended",
    "extendedlocation",
    "properties",
    "condition",
    "copy",
    "dependson",
}
MEMBERS |= {"scope", "comments", "metadata", "resources", "asserts", "id", "resourcegroup", "subscriptionid"}
MEMBERS |= {"import", "extension", "symbolicname", "existing"}
TYPES = {"string", "securestring", "int", "bool", "object", "secureobject", "array"}
AGGREGATE = ("items", "prefixItems", "properties", "additionalProperties", "discriminator", "$ref")
TEXTS = {"string", "securestring", "array"}
LIMITS = {"parameters": ("template input parameters", 256), "variables": ("template variables", 512)}
LIMITS |= {"outputs": ("template outputs", 64)}


def check(template: Mapping[str, JSON], *, nested: bool) -> None:
    """Check a template's form. Raises TemplateError.

    A nested one is told of in fewer words, may have members that the engine does not know, and needs a
    language version for symbolic names (which the engine takes from a template that stands for itself).
    """
    try:
        if nested:
            _check_nested(template)
        _check_sections(template)
    except _FormError as error:
        raise _form_error(error, nested=nested) from error
    _check_versions(template, nested=nested)
    if not nested:
        _check_unknown(template, SECTIONS, "Template", ())
        for key, item in resources(template):
            _check_unknown(item, MEMBERS, "TemplateResource", ("resources", key))
    _check_limits(template)
    _check_function_types(template)
    _check_parameters(template)
    _check_outputs(template)


class _FormError(Exception):
    """What the engine's JSON reader refuses."""


def _form_error(error: _FormError, *, nested: bool) -> TemplateError:
    if nested:
        return TemplateError(
            "The supplied nested deployment template could not be parsed as an ARM template."
        )
    return TemplateError(f"The template could not be parsed as an ARM template: {error}", path=())


def _check_nested(template: Mapping[str, JSON]) -> None:
    """Check what the reader of nested templates alone refuses: sections that are null, `existing` that is no truth."""
    for name, section in template.items():
        if section is None and name.lower() in SECTIONS:
            raise _FormError(f"The property '{name}' must not be null.")
    for _, item in resources(template):
        key = find_key(item, "existing")
        if key is not None and not isinstance(item[key], bool):
            raise _FormError("The property 'existing' must be a boolean.")


def _check_sections(template: Mapping[str, JSON]) -> None:
    for name in ("$schema", "contentVersion", "resources"):
        if member(template, name) is None:
            raise _FormError(f"Required property '{name}' not found in JSON.")
    if not isinstance(member(template, "$schema"), str):
        raise _FormError("The property '$schema' must be a string.")
    for name in ("parameters", "variables", "outputs", "definitions"):
        _check_section(member(template, name), name)
    resources = member(template, "resources")
    if not isinstance(resources, (list, dict)):
        raise _FormError("The property 'resources' must be an array or an object.")
    for item in resources.values() if isinstance(resources, dict) else resources:
        _check_resource(item)
    _check_functions(member(template, "functions"))


def _check_section(section: JSON, name: str) -> None:
    if section is not None and not isinstance(section, dict):
        raise _FormError(f"The property '{name}' must be an object.")
    for key, item in (section or {}).items() if name != "variables" else ():
        if not isinstance(item, dict):
            raise _FormError(f"The property '{name}.{key}' must be an object.")


def _check_functions(functions: JSON) -> None:
    if functions is not None and not isinstance(functions, list):
        raise _FormError("The property 'functions' must be an array.")
    for item in functions or []:
        if not isinstance(item, dict) or member(item, "namespace") is None:
            raise _FormError("Required property 'namespace' not found in JSON.")


def _check_resource(item: JSON) -> None:
    if not isinstance(item, dict):
        raise _FormError("A resource must be an object.")
    if member(item, "type") is None:
        raise _FormError("Required property 'type' not found in JSON.")
    copy, depends = member(item, "copy"), member(item, "dependsOn")
    if copy is not None and not (isinstance(copy, dict) and "name" in copy and "count" in copy):
        raise _FormError("The property 'copy' must be an object with a name and a count.")
    if depends is not None and not isinstance(depends, list):
        raise _FormError("The property 'dependsOn' must be an array.")
    children = member(item, "resources")
    for child in children if isinstance(children, list) else ():
        _check_resource(child)


def _check_versions(template: Mapping[str, JSON], *, nested: bool) -> None:
    schema, language = str(member(template, "$schema")), member(template, "languageVersion")
    if not SCHEMA.fullmatch(schema):
        raise fault(
            f"Template schema '{schema}' is not supported. Supported versions are '{SCHEMAS}'.", SYNTAX
        )
    if language is not None and language not in LANGUAGES:
        raise TemplateError(f"The template language version '{language}' is not recognized.")
    feature = _feature(template, nested=nested) if language is None else None
    if feature is not None:
        raise TemplateError(
            f"Template language version must be specified in order to use feature '{feature}'."
        )


def _feature(template: Mapping[str, JSON], *, nested: bool) -> str | None:
    """Find a feature that only a template with a language version may use."""
    section = member(template, "resources")
    if nested and isinstance(section, dict) and section:
        return "SymbolicNames"
    declared = [item for name in ("parameters", "outputs") for _, item in _objects(template, name)]
    if member(template, "definitions") is not None or any(
        name in item for item in declared for name in AGGREGATE
    ):
        return "AggregateTypeValidation"
    if nested and any(member(item, "existing") is True for _, item in resources(template)):
        return "ExistingResources"
    return "NullableParameters" if any(item.get("nullable") is True for item in declared) else None


def _check_unknown(item: Mapping[str, JSON], known: set[str], kind: str, where: Where) -> None:
    for name in item:
        if name.lower() not in known:
            raise TemplateError(
                f"Could not find member '{name}' on object of type '{kind}'{AT}.", path=(*where, name)
            )


def _check_limits(template: Mapping[str, JSON]) -> None:
    for name, (words, most) in LIMITS.items():
        section = member(template, name)
        if isinstance(section, dict) and len(section) > most:
            raise fault(
                f"The number of {words} limit exceeded. Limit: '{most}' and actual: '{len(section)}'.", SYNTAX
            )


def _check_function_types(template: Mapping[str, JSON]) -> None:
    sections = member(template, "functions")
    for section in sections if isinstance(sections, list) else []:
        for _, function in _objects(section, "members") if isinstance(section, dict) else []:
            listed = member(function, "parameters")
            for declared in [*(listed if isinstance(listed, list) else []), member(function, "output")]:
                _known_type(declared if isinstance(declared, dict) else {})


def _known_type(declared: Mapping[str, JSON]) -> str:
    """Return the type of a declaration. Raises TemplateError where there is none of that name."""
    kind = str(declared.get("type", ""))
    if kind and kind.lower() not in TYPES:
        raise TemplateError(f"Requested value '{kind}' was not found.")
    return kind


def _check_parameters(template: Mapping[str, JSON]) -> None:
    for name, declared in _objects(template, "parameters"):
        kind = _known_type(declared)
        problem = _problem(declared, kind)
        if problem is not None:
            subject = f"The provided properties for the template parameter '{name}' are not valid"
            raise fault(f"{subject}{problem}", PARAMETERS)


def _problem(declared: Mapping[str, JSON], kind: str) -> str | None:
    """Find what a declaration contradicts itself in."""
    shown = kind[:1].upper() + kind[1:]
    if declared.get("nullable") is True and declared.get("defaultValue") is not None:
        return ", as 'nullable' and 'defaultValue' cannot be used on the same parameter declaration. Parameters with defined default values will use the default value if no value is supplied at deploy time."
    if kind and {"minLength", "maxLength"} & declared.keys() and kind.lower() not in TEXTS:
        return f". Only 'String', 'SecureString' and 'Array' type parameters can specify a minLength and maxLength, but the target was of type '{shown}'."
    if kind and {"minValue", "maxValue"} & declared.keys() and kind.lower() != "int":
        return f". Only 'Int' type parameters can specify a minValue and maxValue, but the target was of type '{shown}'."
    if _above(declared, "minLength", "maxLength"):
        return ". MinLength should be less than or equal to maxLength."
    if _above(declared, "minValue", "maxValue"):
        return ". MinValue should be less than or equal to maxValue."
    return None


def _above(declared: Mapping[str, JSON], least: str, most: str) -> bool:
    one, two = declared.get(least), declared.get(most)
    return isinstance(one, int) and isinstance(two, int) and one > two


def _check_outputs(template: Mapping[str, JSON]) -> None:
    for name, declared in _objects(template, "outputs"):
        kind = str(declared.get("type", ""))
        if kind and kind.lower() not in TYPES:
            raise TemplateError(f"Requested value '{kind}' was not found.")
        if "value" not in declared and "copy" not in declared:
            raise fault(
                f"The template output '{name}' is not valid. The 'value' property must be specified if not for output copy.",
                OUTPUTS,
            )


def member(item: Mapping[str, JSON], name: str) -> JSON:
    """Return a member, whatever the case of its name, or None."""
    key = find_key(item, name)
    return None if key is None else item[key]


def _objects(template: Mapping[str, JSON], name: str) -> Iterable[tuple[str, dict[str, JSON]]]:
    section = member(template, name)
    return (
        [(key, item) for key, item in section.items() if isinstance(item, dict)]
        if isinstance(section, dict)
        else []
    )


def resources(template: Mapping[str, JSON]) -> Iterable[tuple[str | int, dict[str, JSON]]]:
    """Return the resources of a template or of a resource that are objects, each with its symbol or its place."""
    section = member(template, "resources")
    pairs: Iterable[tuple[str | int, JSON]] = section.items() if isinstance(section, dict) else ()
    listed = enumerate(section) if isinstance(section, list) else pairs
    return [(key, item) for key, item in listed if isinstance(item, dict)]
