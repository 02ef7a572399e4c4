"""What stands around every page: title, style, the script that keeps the overview fresh, safe headers."""

from __future__ import annotations

import secrets

from aiohttp import web

from aca_local.page.html import Raw, join, tag

STYLE = """
:root { color-scheme: light dark; font: 15px/1.5 system-ui, sans-serif; }
body { max-width: 70rem; margin: 0 auto; padding: 1rem 1.5rem 4rem; }
h1 { font-size: 1.3rem } h2 { border-bottom: 1px solid #8884; margin-top: 2rem } h3 { font-size: 1rem }
h4 { margin: .4rem 0 } small, .quiet { opacity: .7; font-weight: normal } p { margin: .3rem 0 }
table { border-collapse: collapse; width: 100%; font-size: .9rem }
th, td { text-align: left; padding: .25rem .6rem .25rem 0; vertical-align: top;
  border-bottom: 1px solid #8883 }
summary { cursor: pointer; padding: .2rem 0 } article, details { margin: .3rem 0 .6rem }
pre { white-space: pre-wrap; overflow-wrap: anywhere; font-size: .85rem }
.state { padding: 0 .45rem; border-radius: .6rem; font-size: .85rem; border: 1px solid currentColor }
.good { color: #2a8a3e } .bad, .error { color: #c0392b } .busy { color: #a06a00 }
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
    return f'<!doctype html><html lang="en">{head}<body>{_top()}{tag("h2", title)}<pre>'


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
