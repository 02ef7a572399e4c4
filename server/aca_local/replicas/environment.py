"""The environment of a replica: what this computer lends, what Azure sets, what the template sets."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

LENT = re.compile(
    r"PATH|HOME|USER|LOGNAME|SHELL|LANG|LANGUAGE|TZ|TMPDIR|TEMP|TMP|LC_\w+|PIP_\w+|UV_\w+|XDG_CACHE_HOME|HF_\w+"
    r"|SSL_CERT_FILE|SSL_CERT_DIR|REQUESTS_CA_BUNDLE|CURL_CA_BUNDLE|LD_LIBRARY_PATH|CUDA_\w+|NVIDIA_\w+|OMP_\w+"
    r"|(HTTP|HTTPS|ALL|NO)_PROXY"
    r"|SYSTEMROOT|SYSTEMDRIVE|WINDIR|COMSPEC|PATHEXT|APPDATA|LOCALAPPDATA|PROGRAMDATA|USERPROFILE"
    r"|PROGRAMFILES(\(X86\))?|NUMBER_OF_PROCESSORS|PROCESSOR_\w+",
    re.IGNORECASE,
)
SECRET = re.compile(r"TOKEN|KEY|SECRET|PASSWORD|PASSWD|CREDENTIAL|^AZURE_|CONNECTION_?STRING", re.IGNORECASE)
ELSEWHERE = frozenset(  # settings of pip that would put packages outside of the app's environment
    (
        "PIP_REQUIRE_VIRTUALENV",
        "PIP_USER",
        "PIP_TARGET",
        "PIP_PREFIX",
        "PIP_ROOT",
        "PIP_PYTHON",
        "PIP_DRY_RUN",
    )
)
PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY")
NEAR = ("localhost", "127.0.0.1")
DNS_SUFFIX = "aca-local.localhost"
LOOPBACK = "127.0.0.1"


def lent(parent: Mapping[str, str]) -> dict[str, str]:
    """Choose what a replica may see of this computer's environment: no name that sounds like a secret."""
    return {name: value for name, value in parent.items() if LENT.fullmatch(name) and not SECRET.search(name)}


def azure_variables(app: str, revision: str, replica: str, port: int | None) -> dict[str, str]:
    """Name the variables that Container Apps sets in each container, and HOST and PORT.

    https://learn.microsoft.com/azure/container-apps/environment-variables#built-in-environment-variables
    Here the port is one of this computer, since all apps share it; ingress and probes are mapped to it.
    Apps that read HOST (or Gradio's name for it) listen where only this computer reaches them.
    """
    variables = {
        "CONTAINER_APP_NAME": app,
        "CONTAINER_APP_REVISION": revision,
        "CONTAINER_APP_REPLICA_NAME": replica,
        "CONTAINER_APP_HOSTNAME": f"{revision}.{DNS_SUFFIX}",
        "CONTAINER_APP_ENV_DNS_SUFFIX": DNS_SUFFIX,
        "HOST": LOOPBACK,
        "GRADIO_SERVER_NAME": LOOPBACK,
    }
    return variables if port is None else {**variables, "CONTAINER_APP_PORT": str(port), "PORT": str(port)}


def without_target_port(template: Mapping[str, str], target_port: int | None) -> dict[str, str]:
    """Leave out a PORT that names the target port: on this computer another port stands for it."""
    return {name: value for name, value in template.items() if (name, value) != ("PORT", str(target_port))}


def python_variables(venv: Path, path: str) -> dict[str, str]:
    """Put the app's own virtual environment first; output is unbuffered, as in the Python images."""
    binaries = venv / ("Scripts" if os.name == "nt" else "bin")
    return {
        "VIRTUAL_ENV": str(venv),
        "PATH": os.pathsep.join(filter(None, (str(binaries), path))),
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
        "PIP_USER": "0",  # a person's pip.conf may say otherwise
        "PYTHONUNBUFFERED": "1",
    }


def without_proxy(env: Mapping[str, str]) -> dict[str, str]:
    """Name the hosts that no proxy stands before: where there is one, this computer is never behind it.

    IPv6 networks are left out: httpx, and so Gradio, takes none and would end.
    """
    if not any(env.get(name) or env.get(name.lower()) for name in PROXIES):
        return {}
    given = [one.strip() for one in (env.get("no_proxy") or env.get("NO_PROXY") or "").split(",")]
    hosts = [one for one in given if one and one.count(":") < 2]  # noqa: PLR2004 # a port has one colon
    text = ",".join([*hosts, *(one for one in NEAR if one not in hosts)])
    return dict.fromkeys(("NO_PROXY",) if os.name == "nt" else ("NO_PROXY", "no_proxy"), text)


def replica_environment(
    parent: Mapping[str, str], venv: Path, azure: Mapping[str, str], template: Mapping[str, str]
) -> dict[str, str]:
    """Put the four layers together; the template has the last word, but PATH keeps the environment first."""
    base = {name: value for name, value in lent(parent).items() if name.upper() not in ELSEWHERE}
    base |= without_proxy(base)
    path = template.get("PATH") or base.get("PATH", os.defpath)
    python = python_variables(venv, path)
    return {**base, **python, **azure, **template, "PATH": python["PATH"]}
