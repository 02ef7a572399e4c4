"""What a template can fail with, in Azure's words."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from aca_local.templates.values import JSON

USAGE = "Please see {} for usage details."
AT = "\uffff"  # in a message: where " at line … and column …" goes, once the text is at hand
FUNCTIONS_PAGE = "https://aka.ms/arm-functions"


class TemplateError(Exception):
    """A template, its parameters or an expression in it is not valid.

    `code` and `message` are what Azure answers (https://aka.ms/arm-common-errors); `target` names the
    parameter, variable, output or resource; `additional_info` holds the entries of the wire's
    `additionalInfo`; `details` the errors below this one; `path` is where in the template it happened, for
    whoever looks for its line.
    """

    def __init__(
        self,
        message: str,
        *,
        code: str = "InvalidTemplate",
        target: str | None = None,
        additional_info: Sequence[JSON] = (),
        details: Sequence[TemplateError] = (),
        path: tuple[str | int, ...] = (),
    ) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.target = target
        self.additional_info: list[JSON] = list(additional_info)
        self.details = list(details)
        self.path = path

    def body(self) -> dict[str, JSON]:
        """Give the error as the wire writes it: code, message and whatever else is known."""
        body: dict[str, JSON] = {"code": self.code, "message": self.message}
        if self.target is not None:
            body["target"] = self.target
        if self.additional_info:
            body["additionalInfo"] = self.additional_info
        if self.details:
            body["details"] = [detail.body() for detail in self.details]
        return body


class OverBudget(TemplateError):
    """The evaluation asks for more than the evaluator gives: nothing may go on after it."""


class NotYet(TemplateError):
    """How many there will be is known only at run time: a nested deployment must wait to be expanded."""


class NotFound(TemplateError):
    """A parameter, variable or fact that is not there. The engine says so, and nothing of what is around."""


AS_IT_IS = (OverBudget, NotYet, NotFound)  # errors that nothing wraps


class ParseError(TemplateError):
    """The text of an expression cannot be read."""


def see(page: str) -> str:
    """Give the sentence that closes most of Azure's messages."""
    return USAGE.format(page)


def fault(message: str, page: str = FUNCTIONS_PAGE) -> TemplateError:
    """Give the error of an expression: `message`, and where to read on."""
    return TemplateError(f"{message} {see(page)}")
