"""The page before the model answers: the stages of the start, or a red banner with what is wrong."""

from __future__ import annotations

import html
from typing import TYPE_CHECKING

from web.sign_in_page import plain_page

if TYPE_CHECKING:
    from service import Service
    from stages import Stage

REFRESH = '<meta http-equiv="refresh" content="2">'


def status_page(service: Service) -> str:
    """Return the page for the present state; while the model loads it looks again every two seconds."""
    name = service.settings.name
    if service.refusal or service.failure is not None:
        words = html.escape(service.reason())
        return plain_page(name, f'<p role="alert"><strong>Not ready.</strong> {words}</p>', REFRESH)
    stages = "".join(f"<li>{_line(stage)}</li>" for stage in service.stages.all)
    seconds = f"{service.stages.elapsed:.0f} s"
    if service.is_ready:
        stages += "<li>Loading the page …</li>"
    return plain_page(name, f"<p>The model is starting: {seconds} so far.</p><ol>{stages}</ol>", REFRESH)


def _line(stage: Stage) -> str:
    took = " …" if stage.seconds is None else f": {stage.seconds:.1f} s"
    return html.escape(stage.words() + took)
