"""Keeps the libraries from calling home. Import it before them."""

from __future__ import annotations

import os
import sys
from typing import cast


def silence() -> None:
    """Turn off Gradio's and Hugging Face's reports by their settings, and OpenVINO's, which has no setting.

    ``import openvino`` reports itself to Google Analytics through the package ``openvino_telemetry``. It does
    without where that package is missing; ``None`` makes it look so.
    """
    os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
    os.environ["HF_HUB_DISABLE_TELEMETRY"] = "1"
    cast("dict[str, object]", sys.modules)["openvino_telemetry"] = None
