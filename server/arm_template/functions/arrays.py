"""Functions of arrays, and of what arrays and texts have in common."""

from __future__ import annotations

from typing import TYPE_CHECKING

from arm_template.dotnet.numbers import check_int32
from arm_template.dotnet.utf16 import joined, length, lower, units
from arm_template.errors import TemplateError, fault
from arm_template.evaluator import member
from arm_template.functions.strings import check_elements, check_elements_fit
from arm_template.messages import wrong_kind
from arm_template.scope import Function
from arm_template.syntax import Access, Literal
from arm_template.values import MISSING, Node, Value, find_key, get, identity, is_open, same, type_name

if TYPE_CHECKING:
    from collections.abc import Hashable

ARRAY = ("Array",)
WHOLE = ("Integer",)
SEARCHED = ("String", "Array")
LONGEST_RANGE = 10000
LARGEST = 2**31 - 1


def array(value: Value) -> Value:
    """`array(value)`: an array stays as it is."""
    return value if isinstance(value, list) else [value]


def create_array(*items: Value) -> Value:
    """`createArray(…)`."""
    return list(items)


def contains(container: Value, wanted: Value) -> bool:
    """`contains`: texts by case, keys without."""
    if isinstance(container, list):
        return any(same(item, wanted) for item in container)
    if isinstance(container, dict) and isinstance(wanted, str):
        return find_key(container, wanted) is not None
    if isinstance(container, str) and isinstance(wanted, str):
        return wanted in container
    raise fault(
        f"The template function 'contains' expects parameters of matching types: a dictionary and a key (string), an array and a value (object), or a string and a substring. The provided types '{type_name(container)}' and '{type_name(wanted)}' are incompatible.",
        "https://aka.ms/arm-function-contains",
    )


def empty(value: Value) -> bool:
    """`empty(value)`: null is empty too."""
    if value is None or isinstance(value, (str, list, dict)):
        return not value
    raise fault(
        f"The template function 'empty' expects its parameter to be an object, an array, or a string. The provided value is of type '{type_name(value)}'.",
        "https://aka.ms/arm-function-empty",
    )


def size(value: Value) -> int:
    """`length(value)`: elements, keys, or units of UTF-16."""
    if isinstance(value, str):
        return length(value)
    if isinstance(value, (list, dict)):
        return len(value)
    raise fault(
        f"The template language function 'length' expects its parameter to be an array, object, or a string. The provided value is of type '{type_name(value)}'.",
        "https://aka.ms/arm-function-length",
    )


def first(value: Value) -> Value:
    """`first(array or text)`: null or nothing of what is empty."""
    return _end("first", value, 0)


def last(value: Value) -> Value:
    """`last(array or text)`: null or nothing of what is empty."""
    return _end("last", value, -1)


def _end(name: str, value: Value, at: int) -> Value:
    if isinstance(value, str):
        return units(value)[at] if value else ""
    if isinstance(value, list):
        return value[at] if value else None
    raise fault(
        f"The template language function '{name}' expects its parameter be an array or a string. The provided value is of type '{type_name(value)}'.",
        f"https://aka.ms/arm-function-{name}",
    )


def skip(value: Value, count: int) -> Value:
    """`skip(array or text, count)`."""
    return _slice("skip", value, slice(max(count, 0), None))


def take(value: Value, count: int) -> Value:
    """`take(array or text, count)`."""
    return _slice("take", value, slice(0, max(count, 0)))


def _slice(name: str, value: Value, part: slice) -> Value:
    if isinstance(value, str):
        return joined(units(value)[part])
    if isinstance(value, list):
        return value[part]
    raise fault(
        f"The template language function '{name}' expects its first parameter 'collection' to be an array or a string. The provided value is of type '{type_name(value)}'.",
        f"https://aka.ms/arm-function-{name}",
    )


def index_of(value: Value, wanted: Value) -> Value:
    """`indexOf`: in a text without regard to case."""
    if isinstance(value, str) and isinstance(wanted, str):
        return lower(units(value)).find(lower(units(wanted)))
    if isinstance(value, list):
        return _found(value, wanted, range(len(value)))
    raise _search("indexOf", value, wanted)


def last_index_of(value: Value, wanted: Value) -> Value:
    """`lastIndexOf`: in a text without regard to case."""
    if isinstance(value, str) and isinstance(wanted, str):
        if not wanted:
            return max(length(value) - 1, 0)
        return lower(units(value)).rfind(lower(units(wanted)))
    if isinstance(value, list):
        return _found(value, wanted, range(len(value) - 1, -1, -1))
    raise _search("lastIndexOf", value, wanted)


def _found(items: list[Value], wanted: Value, places: range) -> Value:
    """Return where an element is, -1, or `MISSING` where one that is not known yet comes before it."""
    if is_open(wanted):
        return MISSING
    for at in places:
        if is_open(items[at]):
            return MISSING
        if same(items[at], wanted):
            return at
    return -1


def _search(name: str, value: Value, wanted: Value) -> TemplateError:
    at, kinds, arg = (1, ("String",), wanted) if isinstance(value, str) else (0, ("String", "Array"), value)
    return wrong_kind(name, kinds, arg, at, alone=False)


def number_range(start: int, count: int) -> Value:
    """`range(start, count)`."""
    if not 0 <= count <= LONGEST_RANGE or start + count - 1 > LARGEST:
        raise fault(
            "The template language function 'range' parameters are out of range: 'count' must be a positive integer no larger than 1000 and the sum of 'start index' and 'count' must be no larger than 2147483647.",
            "https://aka.ms/arm-function-range",
        )
    check_int32(start)
    return list(range(start, start + count))


def flatten(items: list[Value]) -> Value:
    """`flatten(arrays)`: one level."""
    if any(isinstance(item, Node) for item in items):
        return MISSING
    check_elements("flatten", items, ARRAY)
    check_elements_fit(items)
    return [item for part in items if isinstance(part, list) for item in part]


def distinct(items: list[Value]) -> Value:
    """`distinct(array)`."""
    return merged_arrays([items])


def merged_arrays(arrays: list[list[Value]]) -> list[Value]:
    """Return what is in any of the arrays, once each, in the order of its first place."""
    found: dict[Hashable, Value] = {}
    for items in arrays:
        for item in items:
            found.setdefault(identity(item), item)
    return list(found.values())


def index_from_end(items: list[Value], index: int) -> Value:
    """`indexFromEnd(array, index)`: 1 is the last."""
    if index < 1:
        raise TemplateError(
            f"Unable to evaluate the template language function 'indexFromEnd'. The index parameter must be greater than zero, but an index of '{index}' was received."
        )
    if index > len(items):
        raise TemplateError(
            f"Unable to evaluate the template language function 'indexFromEnd'. The index parameter cannot be larger than the length of the array. The index parameter was '{index}', and the length of the array parameter was '{len(items)}'."
        )
    return items[-index]


def try_get(base: Value, key: Value, *further: Value) -> Value:
    """`tryGet(value, key, …)`: null where the first is not there; what follows must be."""
    if not isinstance(key, str) and type(key) is not int:
        raise wrong_kind("tryGet", ("String, Integer",), key, 1, alone=False)
    found: Value = None
    if isinstance(base, dict) and isinstance(key, str):
        found = get(base, key)
    elif isinstance(base, list) and type(key) is int and 0 <= key < len(base):
        found = base[key]
    if found is MISSING or found is None:
        return None
    for step in further:
        found = Access(found, Literal(step)) if isinstance(found, Node) else member(found, step)
    return found


def try_index_from_end(base: Value, index: Value, *further: Value) -> Value:
    """`tryIndexFromEnd(array, index, …)`."""
    if not isinstance(base, list) or type(index) is not int or not 0 < index <= len(base):
        return None
    return try_get([base[-index]], 0, *further)


TABLE = {
    "array": Function(array, 1, 1, waits="shallow"),
    "createarray": Function(create_array, 0, None, waits="never"),
    "contains": Function(contains, 2, 2, waits="shallow"),
    "empty": Function(empty, 1, 1, waits="shallow"),
    "length": Function(size, 1, 1, waits="shallow"),
    "first": Function(first, 1, 1, waits="shallow"),
    "last": Function(last, 1, 1, waits="shallow"),
    "skip": Function(skip, 2, 2, (None, WHOLE), waits="shallow"),
    "take": Function(take, 2, 2, (None, WHOLE), waits="shallow"),
    "indexof": Function(index_of, 2, 2, (SEARCHED, None), late=True, waits="shallow"),
    "lastindexof": Function(last_index_of, 2, 2, (SEARCHED, None), late=True, waits="shallow"),
    "range": Function(number_range, 2, 2, (WHOLE,)),
    "flatten": Function(flatten, 1, 1, (ARRAY,), waits="shallow"),
    "distinct": Function(distinct, 1, 1, (ARRAY,)),
    "indexfromend": Function(index_from_end, 2, 2, (ARRAY, WHOLE), waits="shallow"),
    "tryget": Function(try_get, 2, None, waits="shallow"),
    "tryindexfromend": Function(try_index_from_end, 2, None, waits="shallow"),
}
