"""Which certificate authorities count: the operating system's, and those that people name in variables.

``SSL_CERT_FILE`` is OpenSSL's variable, ``REQUESTS_CA_BUNDLE`` the one that Azure CLI's page on proxies tells
people to set (learn.microsoft.com/cli/azure/use-azure-cli-successfully-troubleshooting). Both count everywhere.
"""

from __future__ import annotations

import os
import ssl
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aitk_inference.core.errors import AppError

if TYPE_CHECKING:
    from azure.core.pipeline.transport import RequestsTransport

_VARIABLES = ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")


def tls_context(authority: Path | None = None) -> ssl.SSLContext:
    """Return what servers' certificates are checked with.

    Args:
        authority: The one authority that counts (aca-local's own); None: the computer's and the company's.

    Raises:
        AppError: a variable names a file that can't be read.
    """
    if authority is not None:
        return ssl.create_default_context(cafile=authority)
    context = _system_context()
    for name in filter(os.environ.get, _VARIABLES):
        path = Path(os.environ[name]).expanduser()
        try:
            context.load_verify_locations(*((None, path) if path.is_dir() else (path,)))
        except OSError as error:
            reason = error.strerror or "it holds no certificates"
            raise AppError(
                f"The certificates that {name} names can't be read: {path} ({reason}).",
                suggestion=f"Set {name} to a file of PEM certificates, or unset it.",
            ) from error
    return context


def _system_context() -> ssl.SSLContext:
    """Return the operating system's authorities.

    OpenSSL finds them by itself on a usual Linux; macOS and Windows keep them where only truststore looks, and
    so does a Python that was built for another system.
    """
    paths = ssl.get_default_verify_paths()
    if sys.platform not in ("darwin", "win32") and (paths.cafile or paths.capath):
        return ssl.create_default_context()
    import truststore

    return truststore.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


def thread_transport() -> RequestsTransport:
    """Return a transport for azure-identity's blocking credentials, which checks what the others check."""
    import requests
    from azure.core.pipeline.transport import RequestsTransport
    from requests.adapters import HTTPAdapter

    context = tls_context()

    class Adapter(HTTPAdapter):
        def init_poolmanager(self, *given: Any, **named: Any) -> None:
            super().init_poolmanager(*given, **named, ssl_context=context)

        def proxy_manager_for(self, proxy: str, **named: Any) -> Any:
            return super().proxy_manager_for(proxy, **named, ssl_context=context)

    session = requests.Session()
    session.mount("https://", Adapter())
    return RequestsTransport(session=session)
