"""Stand-ins that several tests of the adapters share."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import yaml
from aiohttp import web


@asynccontextmanager
async def serving(handle: Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]) -> AsyncIterator[str]:
    """A server on a free port of this computer; gives its address."""
    runner = web.ServerRunner(web.Server(handle))
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


class TolerantLoader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):
    """The recordings hold tags of Python objects, which are none of ours."""


def unknown(loader: yaml.SafeLoader, suffix: str, node: yaml.Node) -> object:
    if isinstance(node, yaml.MappingNode):
        return loader.construct_mapping(node, deep=True)
    if isinstance(node, yaml.SequenceNode):
        return loader.construct_sequence(node, deep=True)
    return loader.construct_scalar(node) if isinstance(node, yaml.ScalarNode) else None


TolerantLoader.add_multi_constructor("tag:yaml.org,2002:python/", unknown)


def recorded(text: str) -> list[Any]:
    """The interactions of a recording, which may hold several documents."""
    documents = yaml.load_all(text, Loader=TolerantLoader)
    return [one for document in documents for one in document.get("interactions", [])]
