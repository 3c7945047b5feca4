"""CloudFormation templates as values; a short form such as ``!Ref X`` is what it stands for, ``{"Ref": "X"}``."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

from cfnlint.decode import cfn_yaml

ROOT = Path(__file__).resolve().parents[2]


@cache
def template(path: str) -> dict[str, Any]:
    """The template in a file below the project's root."""
    return dict(cfn_yaml.load(str(ROOT / path)))


def granted() -> dict[str, dict[str, list[str]]]:
    """Who (a policy's or a role's logical name) to action to the resources that it is granted on."""
    found: dict[str, dict[str, list[str]]] = {}
    for path in ("aws/policies.yaml", "localstack/storage.yaml", "aws/msk-connect.yaml"):
        for name, resource in template(path)["Resources"].items():
            properties = resource["Properties"]
            documents = [policy["PolicyDocument"] for policy in properties.get("Policies", [])]
            if resource["Type"] == "AWS::IAM::ManagedPolicy":
                documents.append(properties["PolicyDocument"])
            for statement in (one for document in documents for one in document["Statement"]):
                assert statement["Effect"] == "Allow", f"{name}: {statement}"
                for action in _listed(statement["Action"]):
                    of_action = found.setdefault(name, {}).setdefault(action, [])
                    of_action += map(_text, _listed(statement["Resource"]))
    return found


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _text(value: Any) -> str:
    return str(value["Fn::Sub"]) if isinstance(value, dict) else str(value)
