"""The page of aca-local: groups, deployments, apps, logs and shares in a browser; it only shows."""

from aca_local.page.routes import Page

__all__ = ["Page"]
