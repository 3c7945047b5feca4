"""CloudFormation templates as values; a short form such as ``!Ref X`` is what it stands for, ``{"Ref": "X"}``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from cfnlint.decode import cfn_yaml

ROOT = Path(__file__).resolve().parents[2]


def template(path: str) -> dict[str, Any]:
    """The template in a file below the project's root."""
    return dict(cfn_yaml.load(str(ROOT / path)))
