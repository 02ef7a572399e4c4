"""Which page answers which address, and who may look: whoever has what ``aca-local status`` prints.

The key in that address lets its holder look and nothing else (``security.page_key``); it becomes a cookie at
once, so that it does not stay in the address bar.
"""

from __future__ import annotations

import mimetypes
import secrets
from contextlib import aclosing
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING

from aiohttp import web

from aca_local.kernel.replicas import NotRunningError
from aca_local.page.browse import inside, listing
from aca_local.page.frame import ROOT, headers, opening, page
from aca_local.page.html import tag
from aca_local.page.overview import overview
from aca_local.security import PAGE_COOKIE, is_secret, page_key

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from aca_local.arm import Cloud
    from aca_local.listeners import Handler

TAIL = 300
PLAIN = "text/plain"


@dataclass(frozen=True)
class Page:
    """The pages of one instance."""

    cloud: Cloud
    token: str

    def around(self, handler: Handler) -> Handler:
        """Answer the pages' own addresses, leave all others to the handler."""

        async def answer(request: web.BaseRequest) -> web.StreamResponse:
            if request.method != "GET" or not (request.path == "/" or request.path.startswith(ROOT)):
                return await handler(request)
            return await self._guarded(request)

        return answer

    async def _guarded(self, request: web.BaseRequest) -> web.StreamResponse:
        key, cookie = page_key(self.token), f"{PAGE_COOKIE}{request.host.rpartition(':')[2]}"
        if is_secret(request.query.get("key", ""), key):
            moved = web.Response(status=303, headers={"Location": "/"})
            moved.set_cookie(cookie, key, httponly=True, samesite="Strict")
            return moved
        if not is_secret(request.cookies.get(cookie, ""), key):
            words = "Open the address that ", tag("code", "aca-local status"), " prints."
            return page("aca-local", tag("p", *words), status=401)
        return await self._show(request)

    async def _show(self, request: web.BaseRequest) -> web.StreamResponse:
        if request.path == "/":
            return page("aca-local", overview(self.cloud), live=True)
        name, _, rest = request.path.removeprefix(ROOT + "/").partition("/")
        if name == "overview":
            return web.Response(text=tag("main", overview(self.cloud)), content_type="text/html")
        if name == "files":
            return self._files(rest)
        query = request.query
        app = query.get("app", "")
        if name == "events":
            return await _stream(request, f"System log of {app.rsplit('/', 1)[-1]}", self._events(app))
        if name == "log":
            return await self._log(request, app)
        return page("Not found", tag("p", "There is no such page."), status=404)

    async def _log(self, request: web.BaseRequest, app: str) -> web.StreamResponse:
        names = "revision", "replica", "container"
        revision, replica, container = (request.query.get(one, "") for one in names)
        lines = self.cloud.replicas.console(app, revision, replica, container, tail=TAIL, follow=True)
        texts = (f"{one.time:%H:%M:%S}  {one.text}" async for one in lines)
        return await _stream(request, f"Log of {replica}, container {container}", texts)

    async def _events(self, app: str) -> AsyncIterator[str]:
        async for one in self.cloud.replicas.events(app, tail=TAIL, follow=True):
            yield f"{one.time:%H:%M:%S}  {one.type:7}  {one.reason:20}  {one.message}"

    def _files(self, path: str) -> web.StreamResponse:
        account, _, rest = path.partition("/")
        share, _, entry = rest.partition("/")
        found = self._entry(account, share, entry)
        if found is None:
            return page("Not found", tag("p", "There is no such file."), status=404)
        if found.is_dir():
            title = "/".join(filter(None, (account, share, entry.strip("/")))) + "/"
            return page(title, listing(title, f"{ROOT}/files/{title}", found))
        return _file(found)

    def _entry(self, account: str, share: str, entry: str) -> Path | None:
        known = {one.name for one in self.cloud.shares.list_shares(account)} if account else set()
        return inside(self.cloud.shares.folder(account, share), entry) if share in known else None


async def _stream(request: web.BaseRequest, title: str, lines: AsyncIterator[str]) -> web.StreamResponse:
    """Write lines into a page as they come, until the reader leaves or the log ends."""
    nonce = secrets.token_urlsafe(12)
    answer = web.StreamResponse(headers={**headers(nonce), "Content-Type": "text/html; charset=utf-8"})
    await answer.prepare(request)
    await answer.write(opening(title, nonce).encode())
    try:
        async with aclosing(lines) as open_lines:  # type: ignore[type-var] # all lines come from generators
            async for line in open_lines:
                await answer.write(f"{escape(line)}\n".encode())
        ended = "(the end)"
    except NotRunningError as gone:
        ended = str(gone)
    await answer.write(f"</pre></div><p>{escape(ended)}</p></body></html>".encode())
    return answer


def _file(path: Path) -> web.StreamResponse:
    """Show text as text; let anything else be saved: nothing that lies on a share runs in a browser."""
    kind = mimetypes.guess_type(path.name)[0] or PLAIN
    text = kind.startswith("text/") or kind in {"application/json", "application/xml"}
    answer = web.FileResponse(path, headers=headers(secrets.token_urlsafe(12)))
    answer.content_type = PLAIN if text else "application/octet-stream"
    if not text:
        answer.headers["Content-Disposition"] = "attachment"
    return answer
