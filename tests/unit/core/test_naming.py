"""Default names equal those that Azure's own ``uniqueString`` gives."""

from __future__ import annotations

import json

from aitk_inference.core.naming import default_names, unique_string
from shared import shared


def test_unique_string_equals_what_azure_returned() -> None:
    vectors = json.loads(shared("wire/uniquestring-vectors.json").read_text())
    assert {tuple(v["args"]): unique_string(*v["args"]) for v in vectors} == {
        tuple(v["args"]): v["out"] for v in vectors
    }


def test_names_share_one_suffix_of_the_resource_group() -> None:
    names = default_names("00000000-0000-0000-0000-000000000000", "my-rg")
    assert names.storage_account == "aistoragebmg7c"
    assert names.file_share == "aifilesharebmg7c"
    assert names.environment == "aienvbmg7c"
    assert names.environment_storage == "aienvstoragebmg7c"
    assert names.log_analytics == "ailogbmg7c"
    assert names.app == "aiacaappbmg7c"
