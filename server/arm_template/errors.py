"""What a template can fail with, in Azure's words."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from arm_template.values import JSON

Where = tuple[str | int, ...]  # the path of a part of a template
USAGE = "Please see {} for usage details."
AT = "\uffff"  # in a message: where " at line … and column …" goes, once the text is at hand
FUNCTIONS_PAGE = "https://aka.ms/arm-functions"


class TemplateError(Exception):
    """A template, its parameters or an expression in it is not valid.

    `code` and `message` are what Azure answers (https://aka.ms/arm-common-errors); `target` names the
    parameter, variable, output or resource; `path` is where in the template it happened, for whoever looks for
    its line; `additional_info` is that place as the wire's `additionalInfo` has it, once it is known.
    """

    def __init__(
        self,
        message: str,
        *,
        code: str = "InvalidTemplate",
        target: str | None = None,
        path: Where = (),
    ) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.target = target
        self.additional_info: list[JSON] = []
        self.path = path
        self.count_depth = 0  # of a loop's count: how many definitions were being evaluated around that loop

    def body(self) -> dict[str, JSON]:
        """Return the error as the wire writes it: code, message and whatever else is known."""
        body: dict[str, JSON] = {"code": self.code, "message": self.message}
        if self.target is not None:
            body["target"] = self.target
        if self.additional_info:
            body["additionalInfo"] = self.additional_info
        return body


class OverBudget(TemplateError):
    """The evaluation asks for more than the evaluator gives: nothing may go on after it."""


class NotYet(TemplateError):
    """How many there will be is known only at run time: a nested deployment must wait to be expanded."""


class NotFound(TemplateError):
    """A parameter, variable or fact that is not there. The engine says so, and nothing of what is around."""


class NoSuchLoop(TemplateError):
    """copyIndex() names a loop that is not around."""


class FirstLook(TemplateError):
    """What the engine sees of a value before it evaluates it."""


class RepeatedKey(FirstLook):
    """A loop makes a property that is there already."""


class Unsupported(TemplateError):
    """The engine itself fails: it says only what is not valid, not why."""


class DefinitionError(TemplateError):
    """A definition contradicts itself: a cycle, a function given other types than it declares."""


AS_IT_IS = (OverBudget, NotYet, NotFound, DefinitionError)  # errors that nothing wraps


class ParseError(TemplateError):
    """The text of an expression cannot be read."""


def bare(error: TemplateError) -> TemplateError:
    """Return what is wrong inside a resource, from the error that names the resource."""
    return error.__cause__ if isinstance(error.__cause__, TemplateError) else error


def see(page: str) -> str:
    """Return the sentence that closes most of Azure's messages."""
    return USAGE.format(page)


def fault(message: str, page: str = FUNCTIONS_PAGE) -> TemplateError:
    """Return the error of an expression: `message`, and where to read on."""
    return TemplateError(f"{message} {see(page)}")
