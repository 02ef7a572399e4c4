"""Reads the bodies of Azure's errors into one tree.

Bodies nest in ``details``, wrap themselves in ``error`` and ``status``, spell their keys in either case, and
carry further bodies as JSON text inside ``message`` (recorded: see the unit tests). Storage answers XML.
"""

from __future__ import annotations

import html
import json
import re
from http import HTTPStatus
from typing import TYPE_CHECKING

from aitk_inference.azure.error_rules import rule_for
from aitk_inference.core.errors import ErrorNode

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aitk_inference.core.model import Json

_DEEPEST = 12
# Patterns of what is rare are texts: `re` compiles them at first use, and a short run never pays for them.
_JSON_TEXT = r'(?s)\[?\{\s*".*\}\]?'
_NAME = r'"name"\s*:\s*"([^"]+)"'
_XML_CODE = r"(?s)<Code>(.*?)</Code>"
_XML_MESSAGE = r"(?s)<Message>(.*?)</Message>"


def tree_of_body(body: str, status: int, header_code: str = "") -> ErrorNode:
    """Return the error tree of an HTTP answer.

    Args:
        body: JSON, XML, or anything else (a gateway's page), which is then left out.
        status: The HTTP status, which names the error where the body doesn't.
        header_code: ``x-ms-error-code``, all that the answer to a HEAD has.
    """
    text = body.lstrip("\ufeff").strip()
    value = _json(text)
    if value is not None:
        return tree_of(value, default_code=header_code or _phrase(status))
    code, message = re.search(_XML_CODE, text), re.search(_XML_MESSAGE, text)
    words = html.unescape(message.group(1)).strip().splitlines()[0] if message else ""
    name = code.group(1) if code else header_code or _phrase(status)
    return _advised(ErrorNode(name, words or _sentence(name)))


def tree_of(value: Json, default_code: str = "Failed") -> ErrorNode:
    """Return the error tree of a JSON value (an error, or an object around one)."""
    return _advised(_tidy(_node(value, default_code, 0)))


def _node(value: Json, default_code: str, depth: int) -> ErrorNode:
    if not isinstance(value, dict):
        return ErrorNode(default_code, "" if value is None else str(value))
    fields = {key.lower(): item for key, item in value.items()}
    inner = fields.get("error")
    if isinstance(inner, dict) and depth < _DEEPEST:
        return _node(inner, default_code, depth + 1)
    code = _text(fields.get("code")) or (inner if isinstance(inner, str) else "") or default_code
    words, hidden = _unwrap(_text(fields.get("message")) or _text(fields.get("error_description")), depth)
    details = (*_details(fields, depth), *hidden)
    return ErrorNode(code, words + _position(fields, words), _text(fields.get("target")) or None, details)


def _details(fields: Mapping[str, Json], depth: int) -> tuple[ErrorNode, ...]:
    listed = fields.get("details")
    if isinstance(listed, str):
        listed = _json(listed)
    if isinstance(listed, dict):
        listed = [listed]
    if not isinstance(listed, list) or depth >= _DEEPEST:
        return ()
    return tuple(_node(item, "Failed", depth + 1) for item in listed if item)


def _unwrap(message: str, depth: int) -> tuple[str, tuple[ErrorNode, ...]]:
    """Split a message into its own words and the error that it carries as JSON text."""
    start = message.find("{")
    if start < 0 or depth >= _DEEPEST:
        return message, ()
    found = _embedded(message, start)
    if found is None:
        return _without_json(message), ()
    return message[:start].strip().rstrip("'\":").strip(), (_node(found, "Failed", depth + 1),)


def _embedded(message: str, start: int) -> Json:
    """Return the error object that begins at ``start``; the text may be JSON that was escaped once more."""
    for text in (message[start:], message[start:].replace('\\"', '"').replace("\\\\", "\\")):
        try:
            value: Json = json.JSONDecoder(strict=False).raw_decode(text)[0]
        except ValueError:
            continue
        if isinstance(value, dict) and {key.lower() for key in value} & {"error", "code", "message"}:
            return value
    return None


def _without_json(message: str) -> str:
    """Return a message whose JSON is no error (the policies that refused something): the names in it are enough."""
    found = re.search(_JSON_TEXT, message)
    if found is None:
        return message
    names = ", ".join(re.findall(_NAME, found.group())) or "…"
    return message[: found.start()] + names + message[found.end() :]


def _position(fields: Mapping[str, Json], words: str) -> str:
    """Where in the template, when only ``additionalInfo`` says it."""
    notes = fields.get("additionalinfo")
    for item in notes if isinstance(notes, list) else []:
        info = item.get("info") if isinstance(item, dict) else None
        if isinstance(info, dict) and info.get("lineNumber") and "line" not in words:
            return f" (line {info['lineNumber']}, column {info.get('linePosition', 0)})"
    return ""


def _tidy(node: ErrorNode) -> ErrorNode:
    """Drop a child that only repeats its parent, as ARM writes registrations; fill an empty message."""
    children = tuple(_tidy(child) for child in node.details)
    if len(children) == 1 and children[0].code == node.code and not children[0].details:
        only = children[0]
        return node._replace(target=node.target or only.target, details=(), message=_words(node, only))
    return node._replace(details=children, message=_words(node, None))


def _words(node: ErrorNode, same: ErrorNode | None) -> str:
    return node.message or (same.message if same else "") or _sentence(node.code)


def _advised(node: ErrorNode) -> ErrorNode:
    rule = rule_for(node.code, node.message)
    children = tuple(_advised(child) for child in node.details)
    if rule is None:
        return node._replace(details=children)
    return node._replace(details=children, suggestion=rule.suggestion_for(node), link=rule.link)


def _sentence(code: str) -> str:
    """``ShareNotFound`` as words: ``Share not found.``"""
    words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", code).strip()
    return f"{words.capitalize()}." if words else "Azure gave no reason."


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase.title().replace(" ", "")
    except ValueError:
        return f"Http{status}"


def _json(text: str) -> Json:
    try:
        value: Json = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return _json(value) if isinstance(value, str) else value


def _text(value: Json) -> str:
    return value.strip() if isinstance(value, str) else ""
