"""The errors of Microsoft.Storage, one a line, so that Azure's words can be found by grep."""

from __future__ import annotations

from aca_local.kernel.errors import Refusal

NAME_WORDS = "{name} is not a valid storage account name. Storage account name must be between 3 and 24 characters in length and use numbers and lower-case letters only."
TAKEN_WORDS = "The storage account named {name} is already taken."

NAME_INVALID = Refusal(400, "AccountNameInvalid", NAME_WORDS)
NAME_TAKEN = Refusal(409, "StorageAccountAlreadyTaken", TAKEN_WORDS, "{name}")
IN_PROGRESS = Refusal(
    409,
    "StorageAccountOperationInProgress",
    "An operation is currently performing on this storage account that requires exclusive access.",
)
INVALID_VALUES = Refusal(
    400, "InvalidValuesForRequestParameters", "Values for request parameters are invalid: {names}."
)
SERVICE_NAME = Refusal(400, "InvalidResourceName", "The only file service of an account is called 'default'.")
SHARE_NAME = Refusal(
    400,
    "InvalidResourceName",
    "The share name '{name}' is invalid: 3 to 63 lower-case letters, digits and single hyphens.",
)
SHARE_INCLUDE = Refusal(
    400, "InvalidQueryParameterValue", "The value '{include}' of the query parameter $include is invalid."
)
SHARE_HAS_SNAPSHOTS = Refusal(
    409, "ShareHasSnapshots", "The share has snapshots and the operation requires no snapshots."
)
SHARE_NOT_FOUND = Refusal(404, "ShareNotFound", "The specified share does not exist.")
WORKSPACE_NAME = Refusal(
    400,
    "InvalidParameter",
    "The workspace name '{name}' is invalid: 4 to 63 letters, digits and hyphens; it starts and ends with a letter or digit.",
)
