"""The ingress: one stable port of this computer for each app, and a reverse proxy to its ready replicas."""

from aca_local.ingress.proxy import ReverseProxy
from aca_local.ingress.words import DENIED, NO_UPSTREAM, NOT_REACHED, STOPPED, TIMED_OUT

__all__ = ["DENIED", "NOT_REACHED", "NO_UPSTREAM", "STOPPED", "TIMED_OUT", "ReverseProxy"]
