"""The functions of the template language, one file a family, and the one table of them all."""

from __future__ import annotations

from typing import TYPE_CHECKING

from arm_template import special_forms
from arm_template.functions import (
    arrays,
    cidr,
    cloud,
    collections,
    dates,
    lambdas,
    logic,
    resources,
    scopes,
    strings,
    uris,
)

if TYPE_CHECKING:
    from arm_template.scope import Table


def table() -> Table:
    """Return every function by its name in lower case."""
    families: tuple[Table, ...] = (
        special_forms.TABLE,
        strings.TABLE,
        uris.TABLE,
        arrays.TABLE,
        collections.TABLE,
        logic.TABLE,
        dates.TABLE,
        lambdas.TABLE,
        cidr.TABLE,
        resources.TABLE,
        scopes.TABLE,
        cloud.TABLE,
    )
    return {name: spec for family in families for name, spec in family.items()}
