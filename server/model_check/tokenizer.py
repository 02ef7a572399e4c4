"""What training changed about tokens and chat template: the adapter's files against the base's."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

from model_check.catalogue import find
from model_check.findings import Finding, Unusable, clean, listed
from model_check.json_reader import TOKENIZER_BYTES, read_bytes, read_object
from model_check.weights import file_names

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

VOCABULARIES: Final = ("tokenizer.json", "tokenizer.model", "vocab.json", "tekken.json")
_TEMPLATE = "chat_template.jinja"
_TEMPLATE_BYTES = 1 << 20
_STOPS: Final = ("eos_token", "bos_token")


class Tokenizer(NamedTuple):
    """What a folder says about its tokenizer.

    Attributes:
        has_vocabulary: Whether a tokenizer can be made from it.
        vocabulary: Numbers of the plain tokens; empty where they stand in no JSON file.
        added: Tokens beside the vocabulary, by number.
        stops: The tokens that begin and end a text, where they are named.
        template: The chat template, or None.
        template_file: The file that holds nothing but the template.
        findings: Files that can't be read.
    """

    has_vocabulary: bool
    vocabulary: Mapping[str, object]
    added: Mapping[int, str]
    stops: Mapping[str, str]
    template: str | None
    template_file: Path | None
    findings: tuple[Finding, ...]


def read_tokenizer(folder: Path) -> Tokenizer:
    """Read the tokenizer's files of a folder; those that are not there say nothing."""
    names, findings = file_names(folder), []
    documents: dict[str, dict[str, Any]] = {}
    for name in ("tokenizer_config.json", "added_tokens.json", "tokenizer.json", "chat_template.json"):
        if name not in names:
            continue
        try:
            documents[name] = read_object(folder / name, TOKENIZER_BYTES)
        except Unusable as error:
            findings.append(error.finding)
    template, file, wrong = _template(folder, names, documents)
    return Tokenizer(
        any(name in names for name in VOCABULARIES),
        _vocabulary(documents.get("tokenizer.json", {})),
        _added(documents),
        _stops(documents.get("tokenizer_config.json", {})),
        template,
        file,
        (*findings, *wrong),
    )


def _template(
    folder: Path, names: frozenset[str], documents: Mapping[str, dict[str, Any]]
) -> tuple[str | None, Path | None, tuple[Finding, ...]]:
    """Return the template, its own file where it has one, and findings; the file wins, as in transformers."""
    if _TEMPLATE in names:
        path = folder / _TEMPLATE
        try:
            return read_bytes(path, _TEMPLATE_BYTES).decode(), path, ()
        except Unusable as error:
            return None, None, (error.finding,)
        except UnicodeDecodeError:
            return None, None, (find("json-invalid", path, reason="it is not UTF-8 text"),)
    for name in ("tokenizer_config.json", "chat_template.json"):
        template = documents.get(name, {}).get("chat_template")
        if isinstance(template, list):  # several, one of them called default
            named = (one for one in template if isinstance(one, dict) and one.get("name") == "default")
            template = next(named, {}).get("template")
        if isinstance(template, str):
            return template, None, ()
    return None, None, ()


def _vocabulary(document: Mapping[str, Any]) -> dict[str, object]:
    model = document.get("model")
    tokens = model.get("vocab") if isinstance(model, dict) else None
    if isinstance(tokens, list):  # Unigram: [token, score] in the order of their numbers
        pairs = enumerate(tokens)
        return {str(entry[0]): number for number, entry in pairs if isinstance(entry, list) and entry}
    return tokens if isinstance(tokens, dict) else {}


def _added(documents: Mapping[str, dict[str, Any]]) -> dict[int, str]:
    found: dict[int, str] = {}
    listed_tokens = documents.get("tokenizer.json", {}).get("added_tokens")
    for entry in listed_tokens if isinstance(listed_tokens, list) else ():
        if isinstance(entry, dict) and type(entry.get("id")) is int:
            found[entry["id"]] = str(entry.get("content"))
    decoder = documents.get("tokenizer_config.json", {}).get("added_tokens_decoder")
    for key, entry in decoder.items() if isinstance(decoder, dict) else ():
        if key.isascii() and key.isdecimal() and len(key) < 10 and isinstance(entry, dict):  # noqa: PLR2004
            found[int(key)] = str(entry.get("content"))
    plain = documents.get("added_tokens.json", {})
    return found | {number: token for token, number in plain.items() if type(number) is int}


def _stops(config: Mapping[str, Any]) -> dict[str, str]:
    found = {}
    for key in _STOPS:
        value = config.get(key)
        content = value.get("content") if isinstance(value, dict) else value
        if isinstance(content, str):
            found[key] = content
    return found


class TokenizerChange(NamedTuple):
    """What the engine has to be told, and what a person has to know."""

    tokenizer: Path | None
    template: str | None
    template_file: Path | None
    findings: tuple[Finding, ...]


def compare(adapter: Path, base: Path, vocabulary: int | None, trained: str) -> TokenizerChange:
    """Hold the adapter's tokenizer against the base's.

    Args:
        adapter: The adapter's folder.
        base: The base's.
        vocabulary: Rows of the base's embedding; None where it is not known.
        trained: The words for the base that it was trained on; may be empty.
    """
    theirs, ours = read_tokenizer(base), read_tokenizer(adapter)
    what = _difference(ours, theirs)
    tokenizer = adapter if what and ours.has_vocabulary else None
    findings = (
        *ours.findings,
        *theirs.findings,
        *_vocabulary_findings(adapter, ours, theirs, trained),
        *_token_findings(adapter, ours, theirs, what, vocabulary),
        *_template_findings(adapter, base, ours, theirs),
    )
    if _differs(ours.template, theirs.template):
        return TokenizerChange(tokenizer, ours.template, ours.template_file, findings)
    if (
        tokenizer is not None and ours.template is None
    ):  # the adapter's tokenizer comes without: keep the base's
        return TokenizerChange(tokenizer, theirs.template, theirs.template_file, findings)
    return TokenizerChange(tokenizer, None, None, findings)


def _vocabulary_findings(
    adapter: Path, ours: Tokenizer, theirs: Tokenizer, trained: str
) -> Iterator[Finding]:
    known = theirs.vocabulary
    other = [token for token, number in ours.vocabulary.items() if known.get(token, number) != number]
    if other:
        yield find(
            "vocabulary-differs", adapter, count=len(other), example=repr(clean(other[0])), trained=trained
        )


def _token_findings(
    adapter: Path, ours: Tokenizer, theirs: Tokenizer, what: str, vocabulary: int | None
) -> Iterator[Finding]:
    own = (number for number, token in ours.added.items() if theirs.added.get(number) != token)
    highest = max(own, default=-1)
    if vocabulary is not None and highest >= vocabulary:
        yield find("vocabulary-grew", adapter, has=highest, wants=vocabulary)
    elif what:
        yield find("tokenizer-changed" if ours.has_vocabulary else "tokenizer-incomplete", adapter, what=what)


def _template_findings(adapter: Path, base: Path, ours: Tokenizer, theirs: Tokenizer) -> Iterator[Finding]:
    if _differs(ours.template, theirs.template):
        yield find("chat-template-changed", ours.template_file or adapter / "tokenizer_config.json")
    if ours.template is None and theirs.template is None:
        yield find("chat-template-missing", base)
    if not theirs.has_vocabulary:
        yield find("tokenizer-missing", base)


def _difference(ours: Tokenizer, theirs: Tokenizer) -> str:
    """Return what training changed, in words; empty where nothing did."""
    if theirs.added or theirs.vocabulary:  # else not known: a tokenizer.model can't be read here
        new = [
            token
            for number, token in ours.added.items()
            if theirs.added.get(number) != token and theirs.vocabulary.get(token) != number
        ]
        if new:
            return f"new tokens {listed(new)}"
    moved = [key for key, token in ours.stops.items() if theirs.stops.get(key, token) != token]
    return f"another {listed(moved)}" if moved else ""


def _differs(ours: str | None, theirs: str | None) -> bool:
    return ours is not None and (theirs is None or ours.split() != theirs.split())
