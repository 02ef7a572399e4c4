"""Binds the parameters, variables and functions of a template, so that expressions find them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aca_local.templates.compiling import Where, loop_node
from aca_local.templates.environment import UNSET, Context, Env, Slot
from aca_local.templates.errors import AS_IT_IS, AT, ParseError, TemplateError, fault
from aca_local.templates.machine import Special, drive, shown
from aca_local.templates.model import Output
from aca_local.templates.schema_types import FILES, Checker, Declaration, hidden
from aca_local.templates.special import LOOPS, settle, user_function
from aca_local.templates.syntax import Access, Call, Elements, Literal, Members, Node, call
from aca_local.templates.values import Value, key_of, taken
from aca_local.templates.writing import written

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from aca_local.templates.values import JSON

NOT_IN_FUNCTIONS = {"reference", "references", "resourceinfo", "utcnow", "newguid", "copyindex"}
CYCLES = ("definition cycles back", "references itself in its own definition")
PASSING = "https://aka.ms/arm-pass-parameter-values"


def objects(value: JSON) -> dict[str, Declaration]:
    """Give the members of an object that are objects themselves."""
    return (
        {key: item for key, item in value.items() if isinstance(item, dict)}
        if isinstance(value, dict)
        else {}
    )


def mapping(template: Mapping[str, JSON], name: str) -> dict[str, JSON]:
    """Give a section of a template, or nothing."""
    found = template.get(name)
    return found if isinstance(found, dict) else {}


def bind_functions(context: Context) -> None:
    """Make the functions of a template callable."""
    sections = context.template.get("functions")
    for section in sections if isinstance(sections, list) else []:
        if not isinstance(section, dict):
            continue
        namespace = str(section.get("namespace", ""))
        for name, declared in objects(section.get("members")).items():
            full = f"{namespace}.{name}"
            context.functions[full.lower()] = _function(context, full, declared)


def _function(context: Context, full: str, declared: Declaration) -> Special:
    definitions = mapping(context.template, "definitions")
    parameters: list[Slot] = []
    listed = declared.get("parameters")
    for item in listed if isinstance(listed, list) else []:
        if isinstance(item, dict):
            name = str(item.get("name"))
            checker = Checker(f"'{name}' parameter of the user-defined function '{full}'", definitions)
            parameters.append(Slot(name, Literal(None), None, check=_checking(checker, item)))
    output = declared.get("output")
    body = context.compile(output.get("value") if isinstance(output, dict) else None)
    _check_calls(body, full)
    checker = Checker(f"output of the user-defined function '{full}'", definitions)
    return user_function(
        full, parameters, body, _checking(checker, output if isinstance(output, dict) else {})
    )


def _check_calls(body: Node, full: str) -> None:
    """Refuse what a user-defined function may not call. Raises TemplateError."""
    pending: list[Node] = [body]
    while pending:
        node = pending.pop()
        if isinstance(node, Call):
            if node.key in NOT_IN_FUNCTIONS or node.key.startswith("list"):
                raise fault(
                    f"The template function '{full.rpartition('.')[2]}'{AT} is not valid. "
                    f"These function calls are not supported in a function definition: '{node.name}'.",
                    "https://aka.ms/arm-syntax-functions",
                )
            pending.extend(node.args)
        elif isinstance(node, Access):
            pending += [node.base, node.key]
        elif isinstance(node, Members):
            pending.extend(part for pair in node.pairs for part in pair)
        elif isinstance(node, Elements):
            pending.extend(node.items)


def _checking(checker: Checker, declared: Declaration) -> Callable[[Value], Value]:
    def check(value: Value) -> Value:
        checker.check(value, declared)
        return value

    return check


def bind_parameters(context: Context, given: Mapping[str, Value]) -> None:
    """Bind what is given for each declared parameter, or its default. Raises TemplateError."""
    declared = objects(context.template.get("parameters"))
    unknown = [name for name in given if key_of(declared, name) is None]
    if unknown:
        raise fault(
            "The following parameters were supplied, but do not correspond to any parameters defined in the "
            "template: "
            f"'{', '.join(unknown)}'. The parameters defined in the template are: '{', '.join(declared)}'.",
            PASSING,
        )
    definitions = mapping(context.template, "definitions")
    for name, item in declared.items():
        checker = Checker(f"template parameter '{name}'", definitions)
        context.parameters[name.lower()] = _parameter(context, name, item, given, checker)


def _parameter(
    context: Context, name: str, declared: Declaration, given: Mapping[str, Value], checker: Checker
) -> Slot:
    key = key_of(given, name)
    value = None if key is None else given[key]
    nullable = checker.resolved(declared).get("nullable") is True
    check = _checking(checker, declared)
    env = Env(context, volatile=True)
    if value is not None or (key is not None and nullable):
        if context.preview and not isinstance(value, Node):
            shown = hidden(value, declared, checker, call("parameters", Literal(name)))
            context.opened = context.opened or shown is not value
            value = shown
        return Slot(name, Literal(value), env, check=check)
    if "defaultValue" in declared:
        try:
            return Slot(name, context.compile(declared["defaultValue"]), env, check=check)
        except ParseError as error:
            raise _in_default(name, error) from error
    if nullable:
        return Slot(name, Literal(None), env, check=check)
    missing = fault(f"The value for the template parameter '{name}'{AT} is not provided.", FILES)
    missing.path = ("parameters", name)
    raise missing


def settle_parameters(context: Context) -> None:
    """Evaluate all parameters. Raises TemplateError."""
    for slot in context.parameters.values():
        computed = not isinstance(slot.node, Literal)
        try:
            _settled(context, slot, "Parameter")
        except AS_IT_IS:
            raise
        except TemplateError as error:
            if not computed or error.message.startswith("The provided value for the template parameter"):
                raise
            if any(words in error.message for words in CYCLES):
                raise
            raise _in_default(slot.name, error) from error


def _in_default(name: str, error: TemplateError) -> TemplateError:
    return TemplateError(
        f"The template expression in parameter '{name}'{AT} is not valid: {error.message}",
        target=name,
        path=("parameters", name, "defaultValue"),
    )


def bind_variables(context: Context) -> None:
    """Bind the variables, those of `copy` included. Raises TemplateError."""
    env = Env(context, loops=True)
    for name, value in mapping(context.template, "variables").items():
        where: Where = ("variables", name)
        if name.lower() == "copy":
            _bind_loops(context, value, env, where)
            continue
        try:
            node = context.compile(value, loops=True, where=where)
        except ParseError as error:
            raise _in_variable(name, error) from error
        context.variables[name.lower()] = Slot(name, node, env)


def _bind_loops(context: Context, loops: JSON, env: Env, where: Where) -> None:
    """Bind the variables that a `copy` makes. Raises TemplateError."""
    if not isinstance(loops, list):
        kind = "[object]" if isinstance(loops, dict) else loops
        raise fault(
            "The value of the 'copy' element of a template's variables must be an array, but the supplied "
            "value was of "
            f"type '{kind}'.",
            LOOPS,
        )
    for at, item in enumerate(loops):
        place = (*where, at)
        if not isinstance(item, dict):
            raise fault(
                "Each item in the the 'copy' property of a template's variables must be an object, but the "
                f"supplied value was of type '{shown(taken(item))}'.",
                "https://aka.ms/arm-syntax-variables",
            )
        loop = item
        for part in ("name", "count", "input"):
            if part not in loop or (part != "count" and loop[part] is None):
                error = fault(f"The template 'copy' definition{AT} is missing a copy {part} value.", LOOPS)
                error.path = place
                raise error
        try:
            node = loop_node(loop, place)
        except ParseError as error:
            raise _in_variable(str(loop["name"]), error) from error
        if node.name.lower() in context.variables:
            raise fault(
                "Each variable declaration have a unique name, but the template defines multiple variables "
                "named "
                f"'{node.name}'.",
                LOOPS,
            )
        context.variables[node.name.lower()] = Slot(node.name, node, env)


def settle_variables(context: Context) -> None:
    """Evaluate all variables, also those that nothing asks for. Raises TemplateError."""
    for slot in list(context.variables.values()):
        try:
            _settled(context, slot, "Variable")
        except AS_IT_IS:
            raise
        except TemplateError as error:
            if _plain(error):
                raise
            name = context.chain[-1].rpartition(" ")[0] if context.chain else slot.name
            raise _in_variable(name, error) from error


def _in_variable(name: str, error: TemplateError) -> TemplateError:
    wrapped = fault(f"The template variable '{name}' is not valid: {error.message}.")
    wrapped.target = name
    return wrapped


def _plain(error: TemplateError) -> bool:
    """Tell whether the engine gives this error as it is, without naming the variable."""
    return any(words in error.message for words in (*CYCLES, "'copy' definition", "'copyIndex'"))


def _settled(context: Context, slot: Slot, kind: str) -> Value:
    if slot.value is not UNSET:
        return slot.value

    context.chain.clear()
    return drive(settle(slot, slot.env or Env(context), kind), context.budget)


def given_values(parameters: Mapping[str, JSON]) -> dict[str, Value]:
    """Take the values out of ARM's `{name: {"value": …}}`. Raises TemplateError."""
    found: dict[str, Value] = {}
    for name, item in parameters.items():
        if isinstance(item, dict) and "value" in item:
            found[name] = taken(item["value"])
        elif isinstance(item, dict) and "reference" in item:
            raise TemplateError(
                f"The parameter '{name}' refers to a key vault, which is not supported here.",
                code="InvalidTemplate",
                target=name,
            )
        elif not (isinstance(item, dict) and not item):
            raise TemplateError(
                f"The parameter '{name}' must be an object with a property 'value'.",
                code="InvalidRequestContent",
                target=name,
            )
    return found


def told(context: Context) -> dict[str, Output]:
    """Give the parameters as they were bound, for whoever shows the deployment."""
    declared = objects(context.template.get("parameters"))
    return {
        slot.name: Output(str(declared.get(slot.name, {}).get("type", "Object")), written(slot.value))
        for slot in context.parameters.values()
    }
