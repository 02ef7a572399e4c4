"""Functions of text."""

from __future__ import annotations

import base64
import binascii
import re
import uuid
from typing import TYPE_CHECKING

from arm_template.budget import ELEMENT, SIZE, over
from arm_template.dotnet.formatting import composite
from arm_template.dotnet.newtonsoft_json import read_json, write_json
from arm_template.dotnet.utf16 import joined, lower, units, upper, utf8
from arm_template.errors import TemplateError, fault
from arm_template.evaluator import check_last_kind
from arm_template.hashing import unique_string
from arm_template.messages import LONGEST, too_long, wrong_kind
from arm_template.scope import Function
from arm_template.values import MISSING, Node, Value, type_name

if TYPE_CHECKING:
    from collections.abc import Iterable

TEXT = ("String",)
WIDEST = 16
NAMESPACE = uuid.UUID(
    "11fb06fb-712d-4ddd-98c7-e71bbd588830"
)  # of guid(): Azure/azure-powershell, TemplateFunctions
SPACES = "\t\n\v\f\r \x85\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u2028\u2029\u202f\u205f\u3000"


def invalid_base64(name: str) -> TemplateError:
    """Return the error that says that a text is not base64."""
    return TemplateError(
        f"The template language function '{name}' was invoked with a parameter that is not valid. The value cannot be decoded from base64 representation."
    )


def to_base64(text: str) -> str:
    """`base64(text)`: of its UTF-8."""
    return base64.b64encode(utf8(text)).decode()


def from_base64(text: str, name: str = "base64ToString") -> str:
    """`base64ToString(text)`. White space inside is allowed, as .NET allows it."""
    try:
        return base64.b64decode(re.sub(r"[ \t\r\n]", "", text), validate=True).decode("utf-8", "replace")
    except (binascii.Error, ValueError) as error:
        raise invalid_base64(name) from error


def base64_to_json(text: str) -> Value:
    """`base64ToJson(text)`."""
    decoded = from_base64(text, "base64ToJson")
    try:
        return read_json(decoded)
    except ValueError as error:
        raise TemplateError(
            "The template language function 'base64ToJson' was invoked with a parameter that is not valid. The decoded string is not a valid json serialized value."
        ) from error


def to_json(text: str) -> Value:
    """`json(text)`."""
    try:
        return read_json(text)
    except ValueError as error:
        raise TemplateError(
            "Unable to evaluate the template language function 'json'. The argument provided is not a valid JSON string."
        ) from error


def format_text(pattern: str, *args: Value) -> str:
    """`format(pattern, …)`: .NET's composite formatting."""
    return composite(pattern, args)


def guid(*names: str) -> str:
    """`guid(…)`: a name-based UUID (version 5) of the arguments joined with "-"."""
    return str(uuid.uuid5(NAMESPACE, "-".join(names)))


def string(value: Value) -> str:
    """`string(value)`."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return str(value)
    return write_json(value)


def pad_left(value: Value, width: Value, fill: str = " ") -> str:
    """`padLeft(text or number, width, [character])`."""
    if type(value) not in (int, str):
        raise _pad(
            f"the first parameter is invalid. The source string must be a String or integer type, while '{type_name(value)}' was provided."
        )
    if type(width) is not int:
        raise wrong_kind("padLeft", ("Integer",), width, 1, alone=False)
    text = str(value)
    if not 0 < width <= WIDEST:
        raise _pad(
            f"the second parameter is invalid. Total width must be a positive integer value and not greater than '{WIDEST}', while '{width}' was provided."
        )
    if len(fill) != 1:
        raise _pad(
            f"the third parameter is invalid. The padding character must be a single character, while '{fill}' was provided."
        )
    return text.rjust(width, fill)


def _pad(problem: str) -> TemplateError:
    return fault(
        f"Unable to evaluate template language function 'padLeft': {problem} The syntax is padLeft(string, totalWidth [, paddingChar]).",
        "https://aka.ms/arm-function-padleft",
    )


def replace(text: str, old: str, new: str) -> str:
    """`replace(text, old, new)`."""
    if not old:
        raise fault(
            "The template language function 'replace' expects its second parameter to not be null or empty."
        )
    if len(new) > len(old) and text.count(old) * (len(new) - len(old)) > LONGEST:
        raise too_long()
    return text.replace(old, new)


def substring(text: str, start: int, length: int | None = None) -> str:
    """`substring(text, start, [length])`."""
    if start < 0:
        raise _sub(f"The index parameter cannot be less than zero. The index: '{start}'.")
    text = units(text)
    if start > len(text):
        raise _sub(
            f"The index parameter cannot be larger than the length of the string. The index parameter: '{start}', the length of the string parameter: '{len(text)}'."
        )
    if length is None:
        return joined(text[start:])
    if length < 0:
        raise _sub(f"The length parameter cannot be less than zero. The length parameter: '{length}'.")
    if start + length > len(text):
        raise _sub(
            f"The index and length parameters must refer to a location within the string. The index parameter: '{start}', the length parameter: '{length}', the length of the string parameter: '{len(text)}'."
        )
    return joined(text[start : start + length])


def _sub(problem: str) -> TemplateError:
    return fault(
        f"Unable to evaluate the template language function 'substring'. {problem}",
        "https://aka.ms/arm-function-substring",
    )


def starts_with(text: str, start: str) -> bool:
    """`startsWith`: without regard to case."""
    return upper(text).startswith(upper(start))


def ends_with(text: str, end: str) -> bool:
    """`endsWith`: without regard to case."""
    return upper(text).endswith(upper(end))


def check_elements(name: str, items: list[Value], kinds: tuple[str, ...]) -> None:
    """Check the types of an array's elements, with the engine's words. Raises TemplateError."""
    known = [(type_name(item), at) for at, item in enumerate(items) if not isinstance(item, Node)]
    wrong = [(kind, at) for kind, at in known if kind not in kinds]
    if wrong:
        found = list(dict.fromkeys(kind for kind, _ in wrong))
        types = ", ".join(f"'{kind}'" for kind in (sorted(found) if name == "join" else found))
        raise fault(
            f"The template language function '{name}' expects its first parameter to be an array only containing elements of type(s) '{', '.join(kinds)}'. The provided value contains elements with disallowed type(s) {types} in index(es) {', '.join(str(at) for _, at in wrong)}."
        )


def check_elements_fit(arrays: Iterable[Value]) -> None:
    """Refuse to put more elements together than an evaluation may hold. Raises OverBudget."""
    if sum(len(part) for part in arrays if isinstance(part, list)) * ELEMENT > SIZE:
        raise over("size of its values")


def like(text: str, pattern: str) -> bool:
    """`like(text, pattern)`: "*" stands for anything, case for nothing. Parts are taken early."""
    whole, parts = upper(text), upper(pattern).split("*")
    first, *between = parts
    if not between:
        return whole == first
    last = between.pop()
    if len(whole) < len(first) + len(last) or not (whole.startswith(first) and whole.endswith(last)):
        return False
    at, end = len(first), len(whole) - len(last)
    for part in between:
        found = whole.find(part, at, end)
        if found < 0:
            return False
        at = found + len(part)
    return True


def split(text: str, separators: Value) -> Value:
    """`split(text, separator or separators)`:

    the earliest separator first, at one place the first in the list.
    """
    listed = separators if isinstance(separators, list) else [separators]
    if any(isinstance(mark, Node) for mark in listed):
        return MISSING
    marks = [mark for mark in listed if isinstance(mark, str)]
    if len(marks) < len(listed):
        wrong = dict.fromkeys(type_name(mark) for mark in listed if not isinstance(mark, str))
        raise fault(
            f"The template language function 'split' expects its second parameter to be of type 'String or Array of Strings'. The provided value is of type '{', '.join(wrong)}'."
        )
    if separators == []:  # .NET then cuts at white space
        return list(re.split(f"[{SPACES}]", text))
    marks = [mark for mark in marks if mark]
    if not marks:
        return [text]
    return list(re.split("|".join(re.escape(mark) for mark in marks), text))


def join(items: list[Value], delimiter: str) -> Value:
    """`join(array, delimiter)`."""
    if isinstance(items, Node) or isinstance(delimiter, Node):
        return MISSING
    check_elements("join", items, ("String", "Integer", "Boolean"))
    if any(isinstance(item, Node) for item in items):
        return MISSING
    if len(delimiter) * (len(items) - 1) > LONGEST:
        raise too_long()
    return delimiter.join(str(item) for item in items)


def trim(text: str) -> str:
    """`trim`: the white space that .NET knows."""
    return text.strip(SPACES)


def fail(message: str) -> Value:
    """`fail(message)`."""
    raise TemplateError(message)


def concat(*args: Value) -> Value:
    """`concat(…)`: texts and numbers to one text, or arrays to one array."""
    if args and all(isinstance(arg, list) for arg in args):
        check_elements_fit(args)
        return [item for arg in args if isinstance(arg, list) for item in arg]
    if all(type(arg) in (str, int, bool) for arg in args):
        if sum(len(arg) for arg in args if isinstance(arg, str)) > LONGEST:
            raise too_long()
        return "".join(str(arg) for arg in args)
    raise fault(
        "The provided parameters for language function 'concat' are invalid. Either all or none of the parameters must be an array.",
        "https://aka.ms/arm-function-concat",
    )


def _check_text(name: str, args: list[Value]) -> None:
    check_last_kind(name, args, TEXT)


TABLE = {
    "base64": Function(to_base64, 1, 1, (TEXT,)),
    "base64tostring": Function(from_base64, 1, 1, (TEXT,)),
    "base64tojson": Function(base64_to_json, 1, 1, (TEXT,)),
    "json": Function(to_json, 1, 1, (TEXT,)),
    "concat": Function(concat, 0, None, waits="shallow"),
    "format": Function(format_text, 1, None, (TEXT, None), late=True),
    "guid": Function(guid, 1, None, (TEXT,), eager=_check_text),
    "uniquestring": Function(unique_string, 1, None, (TEXT,), eager=_check_text),
    "string": Function(string, 1, 1, (("Integer", "String", "Boolean", "Object", "Array"),)),
    "tolower": Function(lower, 1, 1, (TEXT,)),
    "toupper": Function(upper, 1, 1, (TEXT,)),
    "padleft": Function(pad_left, 2, 3, (None, None, TEXT), late=True, waits="shallow"),
    "replace": Function(replace, 3, 3, (TEXT,)),
    "substring": Function(substring, 2, 3, (TEXT, ("Integer",)), late=True),
    "startswith": Function(starts_with, 2, 2, (TEXT,)),
    "endswith": Function(ends_with, 2, 2, (TEXT,)),
    "split": Function(split, 2, 2, (TEXT, None), waits="shallow"),
    "join": Function(join, 2, 2, (("Array",), TEXT), waits="never"),
    "like": Function(like, 2, 2, (TEXT,)),
    "trim": Function(trim, 1, 1, (TEXT,)),
    "fail": Function(fail, 1, 1, (TEXT,)),
}
