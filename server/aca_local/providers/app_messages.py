"""The errors of Microsoft.App, one a line, so that Azure's words can be found by grep.

Words from recordings and issue threads where there are any.
"""

from __future__ import annotations

from aca_local.kernel.errors import ArmError, Refusal

APP_IN_PROGRESS = Refusal(
    409,
    "ContainerAppOperationInProgress",
    "Cannot modify a container app '{name}' because there is an active provisioning operation in progress. Please try again later.",
)
APP_NAME = Refusal(
    400,
    "ContainerAppInvalidName",
    "Invalid ContainerApp name '{name}'. A name must consist of lower case alphanumeric characters or '-', start with an alphabetic character, and end with an alphanumeric character and cannot have '--'. The length must not be more than 32 characters.",
)
ENVIRONMENT_HAS_APPS = Refusal(
    400,
    "ManagedEnvironmentHasContainerApps",
    "The environment '{name}' cannot be deleted because it has container apps. Delete them first.",
)
ENVIRONMENT_ID_INVALID = Refusal(
    400, "ContainerAppEnvironmentIdInvalid", "The environmentId '{id}' is invalid."
)
ENVIRONMENT_ID_REQUIRED = Refusal(
    400, "ContainerAppEnvironmentIdRequired", "The property environmentId is required."
)
ENVIRONMENT_IN_PROGRESS = Refusal(
    409,
    "ManagedEnvironmentOperationInProgress",
    "Cannot modify Container Apps environment {name} because another operation is in progress.",
)
ENVIRONMENT_NAME = Refusal(
    400,
    "ManagedEnvironmentInvalidName",
    "Invalid ManagedEnvironment name '{name}'. A name must consist of alphanumeric characters or '-', start and end with an alphanumeric character, and have at most 60 characters.",
)
ENVIRONMENT_NOT_FOUND = Refusal(
    404, "ManagedEnvironmentNotFound", "ManagedEnvironment '{name}' was not found."
)
ENVIRONMENT_NOT_PROVISIONED = Refusal(
    400, "ManagedEnvironmentNotProvisioned", "The environment '{id}' has not been provisioned successfully."
)
EXECUTION_NOT_FOUND = Refusal(404, "JobExecutionNotFound", "The job execution '{name}' was not found.")
GPU_QUOTA = Refusal(
    400,
    "MaxRegionalQuotaExceeded",
    "Regional max quota limit threshold hit. The subscription {subscription} cannot have more than {limit} SubscriptionNCA100Gpus in region {region}.",
)
INVALID_FIELD = Refusal(
    400,
    "InvalidParameterValueInContainerTemplate",
    "The following field(s) are either invalid or missing. Field '{path}' is invalid with details: '{details}'.",
    "{path}",
)
JOB_IN_PROGRESS = Refusal(
    409,
    "ContainerAppsJobOperationInProgress",
    "Cannot modify the job '{name}' because there is an active provisioning operation in progress.",
)
LOG_ANALYTICS = Refusal(
    400,
    "LogAnalyticsConfigurationInvalid",
    "The logAnalyticsConfiguration needs a customerId and a sharedKey when the destination is log-analytics.",
)
PROFILE_CANNOT_BE_ADDED = Refusal(
    400,
    "WorkloadProfileCannotBeAdded",
    "The workload profile type '{type}' can be set only when the environment is created.",
)
PROFILE_COUNT = Refusal(
    400,
    "WorkloadProfilePropertyNotSupported",
    "Workload profile property '{property}' is not supported for workload profile type '{type}'.",
)
PROFILE_COUNTS = Refusal(
    400,
    "WorkloadProfileInvalidCount",
    "The workload profile '{name}' has an invalid minimumCount {low} or maximumCount {high}: 0 <= minimumCount <= maximumCount.",
)
PROFILE_DUPLICATE = Refusal(
    400, "WorkloadProfileDuplicateName", "The workload profile name '{name}' is used more than once."
)
PROFILE_IN_USE = Refusal(
    400,
    "WorkloadProfileInUse",
    "The workload profile '{profile}' cannot be removed: the container app '{app}' uses it.",
)
PROFILE_NAME_REQUIRED = Refusal(
    400,
    "WorkloadProfileNameRequired",
    "The workload profile name '{name}' is invalid: it must have 1 to {most} characters.",
)
PROFILE_NAME_TOO_LONG = Refusal(
    400,
    "WorkloadProfileInvalidNameTooLong",
    "The workload profile name '{name}' is invalid: it must have 1 to {most} characters.",
)
PROFILE_NOT_FOUND = Refusal(
    400,
    "WorkloadProfileNotFound",
    "The workload profile '{profile}' was not found in the environment '{environment}'.",
)
PROFILE_TYPE_CHANGED = Refusal(
    400,
    "WorkloadProfileTypeCannotBeChanged",
    "The workload profile '{name}' has type '{old}', which cannot be changed to '{new}'.",
)
PROFILE_TYPE_UNSUPPORTED = Refusal(
    400,
    "WorkloadProfileTypeNotSupported",
    "Workload profile type '{type}' is not supported in region '{region}'.",
)
REPLICA_NOT_FOUND = Refusal(404, "ReplicaNotFound", "The replica '{name}' was not found.")
RESOURCE_TOTAL = Refusal(
    400,
    "ContainerAppInvalidResourceTotal",
    "The total requested CPU and memory resources for this application (CPU: {cpu:g}, memory: {memory:g}) is invalid. Total CPU and memory for all containers defined in a Container App must {allowed}",
)
REVISION_NOT_ACTIVE = Refusal(
    400, "RevisionNotActive", "The revision '{revision}' of the container app '{app}' is not active."
)
REVISION_NOT_FOUND = Refusal(404, "RevisionNotFound", "The revision '{name}' was not found.")
SECRET_INVALID = Refusal(
    400,
    "ContainerAppSecretInvalid",
    "Invalid Request: Container app secret(s) with name(s) '{name}' are invalid: value or keyVaultUrl and identity should be provided.",
)
SECRET_REF_NOT_FOUND = Refusal(
    400, "ContainerAppSecretRefNotFound", "SecretRef '{ref}' defined for container '{container}' not found."
)
VOLUME_SECRET_NOT_FOUND = Refusal(
    400, "ContainerAppSecretRefNotFound", "SecretRef '{ref}' defined for volume '{volume}' not found."
)
STORAGE_ACCESS_MODE = Refusal(
    400, "ManagedEnvironmentStorageBadRequest", "azureFile.accessMode is ReadOnly or ReadWrite."
)
STORAGE_NAME = Refusal(400, "ManagedEnvironmentStorageInvalidName", "Invalid storage name '{name}'.")
STORAGE_NEEDS = Refusal(
    400, "ManagedEnvironmentStorageBadRequest", "The storage '{name}' needs azureFile.{property}."
)
STORAGE_NOT_FOUND = Refusal(
    404, "ManagedEnvironmentStorageNotFound", "ManagedEnvironment Storage '{name}' was not found."
)
STORAGE_UPDATE = Refusal(
    400,
    "ManagedEnvironmentStorageUpdateBadRequest",
    "Only accountKey can be updated on the storage '{name}'. Delete it and create it anew to change the rest.",
)
SUFFIX_IN_USE = Refusal(
    400,
    "ContainerAppRevisionSuffixInUse",
    "The revision suffix '{suffix}' is used by another revision of the container app '{app}'. Choose another.",
)


def invalid_field(path: str, details: str) -> ArmError:
    """Return that of a field of the template that is missing or wrong."""
    return INVALID_FIELD.error(path=path, details=details)
