import json
import re
from pathlib import Path

import pytest
from aca_local.cli import main
from aca_local.fault_rules import NAMED, REPLICA_FAULTS, read
from aca_local.kernel import conditions

DOCS = Path(__file__).resolve().parents[3] / "docs" / "aca-local.md"


def test_every_option_of_serve_is_documented(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["serve", "--help"])
    offered = set(re.findall(r"--[a-z-]+", capsys.readouterr().out))
    assert offered - {"--help"} == set(re.findall(r"^\| `(--[a-z-]+)", DOCS.read_text(), re.MULTILINE))


def test_every_named_fault_is_documented_and_the_examples_are_read() -> None:
    text = DOCS.read_text()
    for name in {*NAMED, *REPLICA_FAULTS}:
        assert f"`{name}`" in text
    faults, companies = re.findall(r"```json\n(.*?)```", text, re.DOTALL)
    assert len(read(faults)) == len(json.loads(faults))
    assert len(conditions.read(companies).tokens) == 3


def test_help_shows_examples(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--help"])
    assert "aca-local serve --json" in capsys.readouterr().out
