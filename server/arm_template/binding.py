"""Binds the parameters, variables and functions of a template, so that expressions find them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from arm_template.compiling import is_expression, loop_node
from arm_template.errors import (
    AS_IT_IS,
    AT,
    FirstLook,
    ParseError,
    TemplateError,
    Unsupported,
    Where,
    fault,
)
from arm_template.evaluator import drive, evaluate
from arm_template.messages import LOOPS, NO_LITERAL, shown
from arm_template.parser import parse
from arm_template.plan import Output
from arm_template.schema_types import FILES, Checker, Declaration, hidden
from arm_template.scope import UNSET, Context, Env, Slot, Special
from arm_template.special_forms import slot_value, user_function
from arm_template.syntax import Call, Literal, Unparsable, Waiting, parts_of
from arm_template.unparser import written
from arm_template.values import Node, Value, find_key, is_open, taken

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from arm_template.values import JSON

NOT_IN_FUNCTIONS = {"reference", "references", "utcnow", "newguid", "copyindex", "managementgroup", "tenant"}
NOT_IN_FUNCTIONS |= {"pickzones", "tologicalzone", "tologicalzones", "tophysicalzone", "tophysicalzones"}
NOT_IN_FUNCTIONS |= {"managementgroupresourceid"}
UNNAMED = ("(UserDefinedFunction)", "(ResourceInfo)")
PASSING = "https://aka.ms/arm-pass-parameter-values"


def objects(value: JSON) -> dict[str, Declaration]:
    """Return the members of an object that are objects themselves."""
    return (
        {key: item for key, item in value.items() if isinstance(item, dict)}
        if isinstance(value, dict)
        else {}
    )


def mapping(template: Mapping[str, JSON], name: str) -> dict[str, JSON]:
    """Return a section of a template, or nothing."""
    found = template.get(name)
    return found if isinstance(found, dict) else {}


def bind_functions(context: Context) -> None:
    """Make the functions of a template callable."""
    sections = context.template.get("functions")
    bodies: dict[str, Node] = {}
    names: dict[str, str] = {}
    for section in sections if isinstance(sections, list) else []:
        if not isinstance(section, dict):
            continue
        namespace = str(section.get("namespace", ""))
        for name, declared in objects(section.get("members")).items():
            full = f"{namespace}.{name}"
            context.functions[full.lower()] = _function(context, full, declared)
            output = declared.get("output")
            bodies[full.lower()] = context.compile(output.get("value") if isinstance(output, dict) else None)
            names[full.lower()] = full
    _check_recursion(context, bodies, names)


def _check_recursion(context: Context, bodies: Mapping[str, Node], names: Mapping[str, str]) -> None:
    """Refuse functions of a template that call themselves. Raises TemplateError."""
    calls = {key: [name for name in _called(body) if name in bodies] for key, body in bodies.items()}
    for start in calls:
        paths = [[start]]
        seen: set[str] = set()
        while paths:
            path = paths.pop()
            if start in calls[path[-1]]:
                cycle = " -> ".join(names[key] for key in path)
                raise fault(
                    f"The template function '{names[start]}'{AT} is not valid. Recursion is not supported in user-defined functions. Detected a cycle ({cycle}).",
                    "https://aka.ms/arm-syntax-functions",
                )
            context.budget.step()
            paths += [[*path, key] for key in reversed(calls[path[-1]]) if key not in seen]
            seen.update(calls[path[-1]])


def _called(body: Node) -> list[str]:
    """Return the names of the functions that a tree calls, in lower case."""
    found: dict[str, None] = {}
    pending: list[Node] = [body]
    while pending:
        node = pending.pop()
        if isinstance(node, Call):
            found[node.key] = None
        pending.extend(reversed(parts_of(node)))
    return list(found)


def _function(context: Context, full: str, declared: Declaration) -> Special:
    definitions = mapping(context.template, "definitions")
    parameters: list[Slot] = []
    listed = declared.get("parameters")
    for item in listed if isinstance(listed, list) else []:
        if isinstance(item, dict):
            name = str(item.get("name"))
            checker = Checker(
                f"'{name}' parameter of the user-defined function '{full}'", definitions, context.preview
            )
            parameters.append(Slot(name, Literal(None), None, check=_checking(checker, item)))
    output = declared.get("output")
    body = context.compile(output.get("value") if isinstance(output, dict) else None)
    if isinstance(body, Unparsable):
        parse(body.text)
    _check_calls(context, body, full)
    checker = Checker(f"output of the user-defined function '{full}'", definitions, context.preview)
    return user_function(
        full, parameters, body, _checking(checker, output if isinstance(output, dict) else {})
    )


def _check_calls(context: Context, body: Node, full: str) -> None:
    """Refuse what a user-defined function may not call. Raises TemplateError."""
    refused: dict[str, str] = {}
    pending: list[Node] = [body]
    while pending:
        node = pending.pop()
        if isinstance(node, Call):
            unknown = "." not in node.key and node.key not in context.table and node.key != "lambda"
            if unknown or node.key.startswith("list") or node.key in NOT_IN_FUNCTIONS:
                refused.setdefault(node.key, node.name)
        pending.extend(reversed(parts_of(node)))
    if refused:
        raise fault(
            f"The template function '{full.rpartition('.')[2]}'{AT} is not valid. These function calls are not supported in a function definition: '{','.join(refused.values())}'.",
            "https://aka.ms/arm-syntax-functions",
        )


def _checking(checker: Checker, declared: Declaration) -> Callable[[Value], Value]:
    def check(value: Value) -> Value:
        checker.check(value, declared)
        return value

    return check


def bind_parameters(context: Context, given: Mapping[str, Value]) -> None:
    """Bind what is given for each declared parameter, or its default. Raises TemplateError."""
    declared = objects(context.template.get("parameters"))
    unknown = [name for name in given if find_key(declared, name) is None]
    if unknown:
        raise fault(
            f"The following parameters were supplied, but do not correspond to any parameters defined in the template: '{', '.join(unknown)}'. The parameters defined in the template are: '{', '.join(declared)}'.",
            PASSING,
        )
    definitions = mapping(context.template, "definitions")
    for name, item in declared.items():
        checker = Checker(f"template parameter '{name}'", definitions, context.preview)
        context.parameters[name.lower()] = _parameter(context, name, item, given, checker)


def _parameter(
    context: Context, name: str, declared: Declaration, given: Mapping[str, Value], checker: Checker
) -> Slot:
    key = find_key(given, name)
    value = None if key is None else given[key]
    nullable = checker.resolved(declared).get("nullable") is True
    check = _checking(checker, declared)
    env = Env(context, volatile=True)
    if value is not None or (key is not None and nullable):
        if context.preview and not isinstance(value, Node):
            shown = hidden(value, declared, checker, Waiting("parameters", (Literal(name),), "parameters"))
            value = shown
        context.opened = context.opened or is_open(value)
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

    def refuse(_: Value) -> Value:
        raise missing

    return Slot(name, Literal(None), env, check=refuse)


def evaluate_parameters(context: Context) -> None:
    """Evaluate all parameters. Raises TemplateError."""
    for slot in context.parameters.values():
        computed = not isinstance(slot.node, Literal)
        try:
            _value_in(context, slot, "Parameter")
        except AS_IT_IS:
            raise
        except TemplateError as error:
            refused = error.message.startswith("The provided value for the template parameter")
            if not computed or refused or error.message == NO_LITERAL:
                raise
            raise _in_definition(context.chain, f"{slot.name} (Parameter)", error) from error


def _in_definition(chain: list[str], outermost: str, error: TemplateError) -> TemplateError:
    """Return the error that names the innermost definition that was being evaluated."""
    around = [name for name in chain if not name.endswith(UNNAMED)]
    name, _, kind = (around[-1] if around else outermost).rpartition(" ")
    return _in_default(name, error) if kind == "(Parameter)" else _in_variable(name, error)


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
            f"The value of the 'copy' element of a template's variables must be an array, but the supplied value was of type '{kind}'.",
            LOOPS,
        )
    for at, item in enumerate(loops):
        place = (*where, at)
        if not isinstance(item, dict):
            raise fault(
                f"Each item in the the 'copy' property of a template's variables must be an object, but the supplied value was of type '{shown(taken(item))}'.",
                "https://aka.ms/arm-syntax-variables",
            )
        loop = item
        for part in ("name", "count", "input"):
            if part not in loop or (part == "name" and loop[part] is None):
                error = fault(f"The template 'copy' definition{AT} is missing a copy {part} value.", LOOPS)
                error.path = place
                raise error
        try:
            node = loop_node(_named(context, loop), place)
        except ParseError as error:
            raise _in_variable(str(loop["name"]), error) from error
        if node.name.lower() in context.variables:
            raise fault(
                f"Each variable declaration have a unique name, but the template defines multiple variables named '{node.name}'.",
                LOOPS,
            )
        context.variables[node.name.lower()] = Slot(node.name, node, env)


def _named(context: Context, loop: dict[str, JSON]) -> dict[str, JSON]:
    """Return a loop whose name is known: an expression may make it. Raises TemplateError."""
    name = loop["name"]
    if not isinstance(name, str) or not is_expression(name):
        return loop
    made = evaluate(context.compile(name), Env(context))
    return {**loop, "name": made} if isinstance(made, str) else loop


def evaluate_variables(context: Context) -> None:
    """Evaluate all variables, also those that nothing asks for. Raises TemplateError."""
    for slot in list(context.variables.values()):
        try:
            _value_in(context, slot, "Variable")
        except AS_IT_IS:
            raise
        except TemplateError as error:
            chain = context.chain
            if _as_it_is(error):  # the engine looks at loops before it is inside of a variable
                chain = chain[: (error.count_depth or len(chain)) - 1]
                if not chain:
                    raise
            raise _in_definition(chain, f"{slot.name} (Variable)", error) from error


def _in_variable(name: str, error: TemplateError) -> TemplateError:
    words = "" if isinstance(error, Unsupported) else f": {error.message}"
    wrapped = fault(f"The template variable '{name}' is not valid{words}.")
    wrapped.target = name
    return wrapped


def _as_it_is(error: TemplateError) -> bool:
    """Return True if the engine gives this error as it is, without naming the variable."""
    if error.count_depth or isinstance(error, FirstLook):
        return True
    loop = "'copyIndex'" in error.message and "'copyIndex' is not valid" not in error.message
    return loop or "'copy' definition" in error.message


def _value_in(context: Context, slot: Slot, kind: str) -> Value:
    if slot.value is not UNSET:
        return slot.value

    context.chain.clear()
    return drive(slot_value(slot, slot.env or Env(context), kind, slot.name), context.budget)


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


def bound_parameters(context: Context) -> dict[str, Output]:
    """Return the parameters as they were bound, for whoever shows the deployment."""
    declared = objects(context.template.get("parameters"))
    return {
        slot.name: Output(str(declared.get(slot.name, {}).get("type", "Object")), written(slot.value))
        for slot in context.parameters.values()
    }
