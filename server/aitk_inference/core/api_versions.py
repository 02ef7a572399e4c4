"""Versions of Azure's APIs that are asked for by path; the SDKs' clients have their own.

``docs/azure-truth.md`` says what each is used for, and where that is known from.
"""

from __future__ import annotations

APPS = "2025-01-01"
"""Microsoft.App: apps, revisions, environments, quotas."""
STORAGE = "2023-05-01"
WORKSPACES = "2023-09-01"
RESOURCES = "2021-04-01"
"""Resources of a group, providers."""
SUBSCRIPTIONS = "2022-12-01"
PERMISSIONS = "2022-04-01"
LOCKS = "2016-09-01"
