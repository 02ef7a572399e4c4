"""Stand-ins that several tests of the adapters share."""

from typing import Any

import yaml


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
