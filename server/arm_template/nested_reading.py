"""What the engine reads of a nested template before it evaluates any of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from arm_template.compiling import is_expression
from arm_template.errors import AT, ParseError, TemplateError, fault
from arm_template.parser import parse
from arm_template.resource import DEPLOYMENT, RESOURCES, shown_name
from arm_template.template_schema import SYNTAX, member, resources
from arm_template.values import find_key

if TYPE_CHECKING:
    from collections.abc import Mapping

    from arm_template.errors import Where
    from arm_template.values import JSON

NOT_OF_EXISTING = [
    "location",
    "extendedLocation",
    "tags",
    "sku",
    "kind",
    "zones",
    "identity",
    "plan",
    "properties",
    "managedBy",
    "managedByExtended",
    "scale",
    "id",
]
UNREADABLE = (
    "{} expression of type Azure.Deployments.Expression.Intermediate.InvalidLanguageExpression encountered."
)


def check_names(part: JSON) -> None:
    """Check that the names of properties can be read, wherever in a template they are. Raises TemplateError."""
    pending = [part]
    while pending:
        item = pending.pop()
        if isinstance(item, dict):
            for name in item:
                _check_name(name)
            pending.extend(item.values())
        elif isinstance(item, list):
            pending.extend(item)


def _check_name(name: str) -> None:
    if not is_expression(name):
        return
    try:
        parse(name[1:-1])
    except ParseError as error:
        raise TemplateError(UNREADABLE.format("Unexpected")) from error


def check_resources(template: Mapping[str, JSON], where: Where) -> None:
    """Check that each resource can be read, unwanted ones included, and has what it needs. Raises TemplateError."""
    section = member(template, "resources")
    symbolic = isinstance(section, dict)
    if section and not symbolic and member(template, "languageVersion") is not None:
        raise fault(
            "You must use symbolic resource names when a template language version is specified.", RESOURCES
        )
    for key, item in resources(template):
        if symbolic and member(item, "resources") is not None:
            raise fault(
                f"Resource '{key}' is using symbolic names, so it cannot declare nested resources.", SYNTAX
            )
    for key, item in resources(template):
        _check_properties(item)
        _check_resource(item, (*where, key), str(key) if symbolic else None)
        _check_alias(template, item, str(key))


def _check_properties(resource: Mapping[str, JSON]) -> None:
    """Check that the expressions in the properties of a resource and of those inside it can be read."""
    if str(member(resource, "type")).lower() != DEPLOYMENT:
        _check_readable(member(resource, "properties"))
    for _, child in resources(resource):
        _check_properties(child)


def _check_readable(value: JSON) -> None:
    pending = [value]
    while pending:
        item = pending.pop()
        if isinstance(item, str) and is_expression(item):
            parse(item[1:-1])
        elif isinstance(item, (dict, list)):
            parts = list(item.values()) if isinstance(item, dict) else item
            pending.extend(reversed(parts))


def _check_resource(
    item: Mapping[str, JSON], where: Where, symbol: str | None, *, inside: bool = False
) -> None:
    """Check a resource and those inside it, in the engine's order. Raises TemplateError."""
    if find_key(item, "name") is None:
        raise TemplateError("Invalid template resource. The 'name' property must be specified.", path=where)
    name = symbol or shown_name(member(item, "name"))
    _check_type(item, name, where, inside=inside)
    if find_key(item, "apiVersion") is None or member(item, "apiVersion") == "":
        raise _invalid(
            f"The template resource '{name}' is not valid. Both api-version property{AT} and api-profile property for the template cannot be null or empty. Either explicitly specify the api-version for the resource or specify the api-profile for the template.",
            where,
        )
    _check_tags(item, name, where)
    _check_count(item, name, where)
    _check_existing(item)
    for key, child in resources(item):
        _check_resource(child, (*where, "resources", key), None, inside=True)


def _check_type(item: Mapping[str, JSON], name: JSON, where: Where, *, inside: bool) -> None:
    kind, problem = member(item, "type"), ""
    if kind == "":
        problem = "cannot be null or empty"
    elif _in_brackets(kind):
        problem = "cannot be an expression"
    elif not isinstance(kind, str) or not (inside or "/" in kind):
        problem = "is invalid"
    if problem:
        raise _invalid(
            f"The template resource '{name}'{AT} is not valid. The type property {problem}.", (*where, "type")
        )


def _in_brackets(value: JSON) -> bool:
    return isinstance(value, str) and value.startswith("[") and value.endswith("]")


def _check_tags(item: Mapping[str, JSON], name: JSON, where: Where) -> None:
    tags = member(item, "tags")
    if isinstance(tags, str) and not tags.startswith("["):
        raise _invalid(
            f"The template resource '{name}'{AT} has invalid Tags property. The Tags property should be a dictionary or a valid expression.",
            (*where, "tags"),
        )


def _check_count(item: Mapping[str, JSON], name: JSON, where: Where) -> None:
    copy = member(item, "copy")
    count = member(copy, "count") if isinstance(copy, dict) else 0
    if type(count) is not int and not _in_brackets(count):
        raise TemplateError(
            f"The template resource '{name}'{AT} is invalid. Resource copy count must be an integer value or template expression.",
            path=where,
        )


def _check_alias(template: Mapping[str, JSON], item: Mapping[str, JSON], symbol: str) -> None:
    """Check that the extension that a resource names is declared. Raises TemplateError."""
    imported, extension = member(item, "import"), member(item, "extension")
    if isinstance(imported, str) and not _declares(template, "imports", imported):
        raise fault(
            f"Resource '{symbol}' has an invalid import alias value. Unable to find an import statement with alias '{imported}' defined in the template.",
            SYNTAX,
        )
    if isinstance(extension, str) and not _declares(template, "extensions", extension):
        raise TemplateError(
            f"The extension with the alias '{extension}' referenced by the resource {symbol}' cannot be found in the template."
        )


def _declares(template: Mapping[str, JSON], section: str, alias: str) -> bool:
    found = member(template, section)
    return isinstance(found, dict) and find_key(found, alias) is not None


def _check_existing(item: Mapping[str, JSON]) -> None:
    stated = next((name for name in NOT_OF_EXISTING if find_key(item, name) is not None), None)
    if stated and member(item, "existing") is True:
        raise TemplateError(
            f"Property '{stated}' cannot be supplied for a resource with 'existing' set to true."
        )


def _invalid(message: str, where: Where) -> TemplateError:
    error = fault(message, RESOURCES)
    error.path = where
    return error
