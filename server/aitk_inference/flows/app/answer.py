"""The request to the app itself, beside what the platform says of it.

Ready is what the platform says (every container of a new replica ready). One request then shows a person that the
endpoint answers: any answer of the app counts, a page that is missing or protected too. Where the app says on a path of
its own whether its model answers (``READY_PATH``), 503 there means that it still loads.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import urlsplit

from aitk_inference.core import api_versions
from aitk_inference.core.config import CONFIG_PATH
from aitk_inference.core.errors import InvalidProject
from aitk_inference.core.json_paths import find, text
from aitk_inference.core.redaction import redact

if TYPE_CHECKING:
    from aitk_inference.core.model import ContainerApp, Json, ProbeResult
    from aitk_inference.core.ports import Cloud

PROBE_TIMEOUT = 10.0
"""Seconds that one request to the app may take."""
_PATIENCE = 60.0
"""Seconds to wait for an answer beside a ready replica: a route or a DNS name may need some."""
_LOADING = 503
_REFUSED = "refused"
"""The starter's ``status`` where another start would not help its model."""
_PROTECTED = (401, 403)
_AWAKE = 20.0
"""Seconds between two requests that keep an app awake which may sleep."""
_LINE = 200


class Answer(NamedTuple):
    """What the endpoint said.

    Attributes:
        waiting: What is still waited for; empty when nothing is.
        status: The HTTP status of the app's own path, or None.
        warning: What a person should know, though the app runs.
        loading: The app's own words on how far its model is loaded, while it loads.
        refusal: Why the app will never serve its model, in its own words.
    """

    waiting: str = ""
    status: int | None = None
    warning: str = ""
    loading: str = ""
    refusal: str = ""

    @property
    def protected(self) -> bool:
        """Return True if the app wants to know who asks."""
        return self.status in _PROTECTED

    @property
    def words(self) -> str:
        """Return how it answers, for a person."""
        if self.status is None:
            return "The replica is ready"
        return "The web API answers" + (f" (protected: HTTP {self.status})" if self.protected else "")


class Endpoint:
    """Asks an app's endpoint.

    Args:
        app: The app.
        address: Its URL as the configuration says it.
        cloud: The target.
    """

    def __init__(self, app: ContainerApp, address: str, cloud: Cloud) -> None:
        self._app, self._address, self._cloud = app, address, cloud
        self._failing_since: float | None = None
        self._awake_until = 0.0

    async def ask(self) -> Answer:
        """Return what the app says, now that the platform says that it is ready.

        Raises:
            InvalidProject: nobody is at the configured address, and the app answers at its own.
        """
        result = await self._get(self._app.probe_path)
        if not result.answered:
            return await self._unanswered(result)
        self._failing_since = None
        if not self._app.ready_path:
            return Answer(status=result.status)
        ready = await self._get(self._app.ready_path)
        if ready.status == _LOADING or ready.status is None:
            words = loading_words(ready)
            refusal = words if text(_json(ready), "status") == _REFUSED else ""
            return Answer(f"The model loads: {words}", loading=words, refusal=refusal)
        if not ready.ok and ready.status not in _PROTECTED:
            return Answer(
                status=result.status,
                warning=f"{self._app.ready_path} (readyPath) answers HTTP {ready.status}: whether the model answers is unknown. "
                'Set readyPath to a path of the app\'s own, or to "", and run Provision.',
            )
        return Answer(status=result.status)

    async def keep_awake(self) -> None:
        """Ask now and then while an app loads that may sleep: without requests it would be scaled to zero."""
        now = self._cloud.clock.monotonic()
        if self._app.min_replicas == 0 and now >= self._awake_until:
            self._awake_until = now + _AWAKE
            await self._get(self._app.probe_path)

    async def _get(self, path: str) -> ProbeResult:
        return await self._cloud.probe.get(url_below(self._address, path), timeout=PROBE_TIMEOUT)

    async def _unanswered(self, result: ProbeResult) -> Answer:
        now = self._cloud.clock.monotonic()
        self._failing_since = now if self._failing_since is None else self._failing_since
        said = f"HTTP {result.status}" if result.status else (result.detail or "no answer")
        if result.status is None:
            await self._check_address()
        if now - self._failing_since < _PATIENCE:
            return Answer(waiting=f"The replica is ready, the endpoint does not answer well yet: {said}")
        return Answer(status=result.status, warning=f"{await self._why(result)} ({said}).")

    async def _why(self, result: ProbeResult) -> str:
        """Return why nobody answers this computer, though the replica is ready."""
        if result.status is not None:
            return f"The replica is ready, and {self._app.probe_path} answers with an error"
        environment = (
            await self._cloud.resources.get(self._app.environment_id, api_versions.APPS)
            if self._app.environment_id
            else None
        )
        if not self._app.external or find(environment, "properties", "vnetConfiguration", "internal") is True:
            return "The replica is ready; its ingress is internal, so this computer can't reach it"
        if self._app.ip_rules:
            return f"The replica is ready; its IP rules ({', '.join(self._app.ip_rules)}) may keep this computer out"
        return (
            "The replica is ready, but this computer can't reach its endpoint: check DNS, proxy and firewall"
        )

    async def _check_address(self) -> None:
        """Refuse an address where nobody is while the app answers at its own: it was typed in wrongly, or is old.

        An address of a person's own domain is not the app's, and right as long as it answers.
        """
        own = self._app.endpoint
        if own is None or urlsplit(own).netloc == urlsplit(self._address).netloc:
            return
        if not (await self._cloud.probe.get(own, timeout=PROBE_TIMEOUT)).answered:
            return
        if (await self._get(self._app.probe_path)).status is not None:
            return  # it was only for a moment that nobody answered
        message = f"{CONFIG_PATH.name} says {self._address}, where nobody answers; the app answers at {own}."
        raise InvalidProject(
            message,
            (),
            suggestion=f"Set ACA_APP_ENDPOINT to {own} in {CONFIG_PATH.as_posix()}, or run Provision.",
        )


def url_below(address: str, path: str) -> str:
    """Return a path of the app as a URL."""
    below = path.lstrip("/")
    return f"{address.rstrip('/')}/{below}" if below else address


def loading_words(result: ProbeResult) -> str:
    """Return an app's own words on why its model does not answer yet: of a JSON body its ``reason``."""
    said = _json(result)
    words = text(said, "reason") or text(said, "detail") if said is not None else result.detail[:_LINE]
    return redact(words) or f"HTTP {result.status}"


def _json(result: ProbeResult) -> Json:
    """Return the JSON of an app's answer; None where it is none."""
    try:
        value: Json = json.loads(result.detail)
    except ValueError:
        return None
    return value
