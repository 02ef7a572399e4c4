"""What stands around every page: title, style, the script that keeps the overview fresh, safe headers."""

from __future__ import annotations

import secrets

from aiohttp import web

from aca_local.page.html import Raw, join, tag

ROOT = "/aca-local/page"
STYLE = """
:root { color-scheme: light dark; font: 15px/1.5 system-ui, sans-serif; --line: #8883; --soft: #8881;
  --good: #1a7f37; --bad: #c0392b; --busy: #9a6700; --link: #0969da }
@media (prefers-color-scheme: dark) {
  :root { --good: #4ac26b; --bad: #ff7b72; --busy: #d4a72c; --link: #58a6ff } }
body { max-width: 72rem; margin: 0 auto; padding: 1rem 1.5rem 4rem }
a { color: var(--link); text-decoration: none } a:hover { text-decoration: underline }
header { display: flex; align-items: baseline; gap: 1rem; border-bottom: 1px solid var(--line) }
h1 { font-size: 1.25rem; margin: .3rem 0 } h2 { font-size: 1.2rem; margin: 2rem 0 .2rem }
h3 { font-size: .8rem; letter-spacing: .05em; text-transform: uppercase; opacity: .65;
  margin: 1.2rem 0 .4rem }
h4 { font-size: 1rem; margin: 0 0 .3rem } h4 .right { float: right; font-weight: normal; font-size: .9rem }
small, .quiet { opacity: .7; font-weight: normal } p { margin: .3rem 0 } footer { margin-top: 2rem }
article, section > div > details { border: 1px solid var(--line); border-radius: .5rem;
  background: var(--soft); padding: .6rem .9rem; margin: .4rem 0 }
table { border-collapse: collapse; width: 100%; font-size: .9rem; margin: .2rem 0 }
th { font-weight: 600; opacity: .7; white-space: nowrap } .error { overflow-wrap: anywhere }
th, td { text-align: left; padding: .3rem .8rem .3rem 0; vertical-align: top;
  border-bottom: 1px solid var(--line) }
tr:last-child td { border-bottom: 0 } th:last-child, td:last-child { padding-right: 0 }
summary { cursor: pointer; padding: .1rem 0 }
.log { display: flex; flex-direction: column-reverse; max-height: 75vh; overflow: auto;
  border: 1px solid var(--line); border-radius: .5rem; background: var(--soft); padding: 0 .9rem }
pre { white-space: pre-wrap; overflow-wrap: anywhere; font-size: .85rem; line-height: 1.45 }
.state { padding: 0 .5rem; border-radius: .6rem; font-size: .8rem; font-weight: normal; white-space: nowrap;
  border: 1px solid currentColor }
.good { color: var(--good) } .bad, .error { color: var(--bad) } .busy { color: var(--busy) }
"""
# Fetches the overview again while it is looked at, and puts in what changed; what was opened stays open.
SCRIPT = """
setInterval(async () => {
  if (document.hidden) return;
  const answer = await fetch('/aca-local/page/overview').catch(() => null);
  if (!answer || !answer.ok) { document.title = 'aca-local (stopped)'; return; }
  const fresh = new DOMParser().parseFromString(await answer.text(), 'text/html').querySelector('main');
  const old = document.querySelector('main');
  for (const one of fresh.querySelectorAll('details')) {
    const before = document.getElementById(one.id);
    if (before) one.open = before.open;
  }
  if (fresh.innerHTML !== old.innerHTML) old.replaceWith(fresh);
  document.querySelector('footer').textContent = 'As of ' + new Date().toLocaleTimeString();
}, 2000);
"""


def page(title: str, *content: object, live: bool = False, status: int = 200) -> web.Response:
    """Answer a page; ``live`` keeps it fresh."""
    nonce = secrets.token_urlsafe(12)
    document = join(
        Raw("<!doctype html>"),
        tag(
            "html",
            tag("head", *_head(title, nonce)),
            tag("body", _top(), tag("main", *content), tag("footer", class_="quiet")),
            tag("script", Raw(SCRIPT), nonce=nonce) if live else None,
            lang="en",
        ),
    )
    return web.Response(text=document, content_type="text/html", headers=headers(nonce), status=status)


def opening(title: str, nonce: str) -> str:
    """Write the start of a page whose ``<pre>`` goes on and on."""
    head = tag("head", *_head(title, nonce))
    body = (
        f'{_top()}{tag("h2", title)}<div class="log"><pre>'  # reversed columns: the newest line is in sight
    )
    return f'<!doctype html><html lang="en">{head}<body>{body}'


def headers(nonce: str) -> dict[str, str]:
    """Allow nothing but the page's own style and script."""
    policy = f"default-src 'none'; style-src 'nonce-{nonce}'; script-src 'nonce-{nonce}'; connect-src 'self'"
    return {
        "Content-Security-Policy": f"{policy}; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "no-referrer",
        "Cache-Control": "no-store",
    }


def _head(title: str, nonce: str) -> tuple[object, ...]:
    return (
        tag("meta", charset="utf-8"),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("title", title),
        tag("style", Raw(STYLE), nonce=nonce),
    )


def _top() -> Raw:
    words = "A local Azure: real processes, no GPU, no network of its own, no isolation."
    return tag("header", tag("h1", tag("a", "aca-local", href="/")), tag("p", words, class_="quiet"))
