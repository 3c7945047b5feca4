"""The files that Java's Kafka clients take: the course's ``client.properties`` and ``kafka-rest.properties``."""

from __future__ import annotations

from pathlib import Path

from pinpipe.settings import Settings


def login(settings: Settings, role_arn: str | None = None) -> dict[str, str]:
    """How a Java client logs in, with ``role_arn`` as that role. On MSK its class path needs aws-msk-iam-auth."""
    if settings.kafka_auth == "none":
        return {"security.protocol": "PLAINTEXT"}
    role = f' awsRoleArn="{role_arn}"' if role_arn else ""
    return {
        "security.protocol": "SASL_SSL",
        "sasl.mechanism": "AWS_MSK_IAM",
        "sasl.jaas.config": f"software.amazon.msk.auth.iam.IAMLoginModule required{role};",
        "sasl.client.callback.handler.class": "software.amazon.msk.auth.iam.IAMClientCallbackHandler",
    }


def files(settings: Settings, role_arn: str | None = None) -> dict[str, dict[str, str]]:
    """File name to its properties: for Kafka's own tools, and for Confluent's REST proxy (ours reads variables)."""
    properties = login(settings, role_arn)
    return {
        "client.properties": properties,
        "kafka-rest.properties": {
            "id": f"{settings.pin_user_id}-rest-proxy",
            "bootstrap.servers": settings.kafka_bootstrap_servers,
            **{f"client.{name}": value for name, value in properties.items()},
        },
    }


def write(settings: Settings, folder: Path, role_arn: str | None = None) -> list[Path]:
    """Write the files into a folder; return where they are. No secret is in them."""
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for name, properties in files(settings, role_arn).items():
        written.append(folder / name)
        written[-1].write_text("".join(f"{key}={value}\n" for key, value in properties.items()))
    return written
