"""What the ingress itself answers, in the words of Container Apps' Envoy as users reported them.

Issues of microsoft/azure-container-apps: the 404 #1613; "stream timeout" while a revision was activating
#1217; "upstream connect error …" #295; "RBAC: access denied" where an IP rule stands in the way #835.
"""

from __future__ import annotations

STOPPED = "Error 404 - This Container App is stopped or does not exist."
TIMED_OUT = "stream timeout"
NO_UPSTREAM = "no healthy upstream"
NOT_REACHED = "upstream connect error or disconnect/reset before headers. reset reason: connection failure"
DENIED = "RBAC: access denied"
TOO_LARGE = "Request Header Fields Too Large"
BAD_TARGET = "Bad Request: an ingress takes a path, or the address of this app with one."
BAD_HOST = "Bad Request: one Host header is needed."
NO_TUNNEL = "Method Not Allowed: an ingress makes no tunnels."
OTHER_NAME = "This address answers to names of this computer only."
