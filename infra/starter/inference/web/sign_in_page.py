"""The page on which a person gives the key."""

from __future__ import annotations

import html

STYLE = (
    "body{font:16px/1.5 system-ui,sans-serif;margin:0;background:#f8fafc;color:#0f172a}"
    "main{max-width:34rem;margin:12vh auto;padding:2rem;background:#fff;border:1px solid #e2e8f0}"
    "h1{font-size:1.3rem;margin:0 0 1rem}label{display:block;font-weight:600}"
    "input{font:inherit;width:100%;box-sizing:border-box;padding:.5rem;margin:.3rem 0 1rem}"
    "input{border:1px solid #64748b;border-radius:6px}main{border-radius:12px}"
    "button{font:inherit;padding:.5rem 1.2rem;border:0;border-radius:6px;background:#0f766e;color:#fff}"
    "[role=alert]{background:#b91c1c;color:#fff;padding:.7rem 1rem;border-radius:8px;margin:0 0 1rem}"
    "ol{padding-left:1.2rem}.size{color:#475569}"
)
PAGE = (
    '<!doctype html><html lang="en"><head><meta charset="utf-8">'
    '<meta name="viewport" content="width=device-width">{head}<title>{title}</title><style>{style}</style>'
    "</head><body><main><h1>{title}</h1>{body}</main></body></html>"
)
FORM = (
    '<form method="post" action="sign-in"><label for="key">API key</label>'
    '<input id="key" name="key" type="password" autocomplete="current-password" required autofocus>'
    "<button>Sign in</button></form>"
)
WRONG = '<p role="alert">This key is wrong.</p>'


def sign_in_page(name: str, *, wrong: bool) -> str:
    """Return the page; ``wrong``: the key before was."""
    return plain_page(name, (WRONG if wrong else "") + FORM)


def plain_page(title: str, body: str, head: str = "") -> str:
    """Return a small page that needs nothing but itself; ``body`` and ``head`` are HTML."""
    return PAGE.format(title=html.escape(title), body=body, head=head, style=STYLE)
