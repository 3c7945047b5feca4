"""What a student of the course types, word for word but for addresses and names: it must run unchanged."""

import json
import time
from typing import Any

import pytest
import requests

pytestmark = pytest.mark.contract


def test_the_courses_produce_script_runs(base: str, topic: str) -> None:
    invoke_url = f"{base}/topics/{topic}"
    payload = json.dumps(
        {
            "records": [
                {
                    "value": {"index": 1, "name": "Maya", "age": 25, "role": "engineer"},
                }
            ]
        }
    )
    headers = {"Content-Type": "application/vnd.kafka.json.v2+json"}
    response = requests.request("POST", invoke_url, headers=headers, data=payload, timeout=30)
    assert response.status_code == 200
    assert response.json()["offsets"][0]["offset"] == 0


def test_the_courses_consumer_script_runs(base: str, topic: str) -> None:
    rows = [{"index": n, "title": f"post {n}"} for n in range(3)]
    payload = json.dumps({"records": [{"value": row} for row in rows]})
    headers = {"Content-Type": "application/vnd.kafka.json.v2+json"}
    requests.request("POST", f"{base}/topics/{topic}", headers=headers, data=payload, timeout=30)

    headers = {"Content-Type": "application/vnd.kafka.v2+json"}
    group, name = f"students-{topic}", "student_consumer_instance"
    data = json.dumps({"name": name, "format": "json", "auto.offset.reset": "earliest"})
    response = requests.request("POST", f"{base}/consumers/{group}", headers=headers, data=data, timeout=30)
    assert response.status_code == 200
    assert response.json()["instance_id"] == name

    data = json.dumps({"topics": [topic]})
    invoke_url = f"{base}/consumers/{group}/instances/{name}/subscription"
    response = requests.request("POST", invoke_url, headers=headers, data=data, timeout=30)
    assert response.status_code == 204

    invoke_url = f"{base}/consumers/{group}/instances/{name}/records"
    read_headers = {"Accept": "application/vnd.kafka.json.v2+json"}
    found: list[dict[str, Any]] = []
    for _ in range(2):  # the first read may come back empty while the group forms
        response = requests.request("GET", invoke_url, headers=read_headers, timeout=30)
        assert response.status_code == 200
        found += response.json()
        time.sleep(2)
    assert [record["value"] for record in found] == rows

    invoke_url = f"{base}/consumers/{group}/instances/{name}"
    response = requests.request("DELETE", invoke_url, headers=headers, timeout=30)
    assert response.status_code == 204
