"""One writer at a time: a lease that lives is respected, a dead one is taken over, of many takers one wins."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict

import psutil
import pytest

from pinpipe.aws import AwsAccess
from spark_jobs import lease
from spark_jobs.errors import LeaseHeld, LeaseLost
from spark_jobs.lease import Holder, Lease, Share
from tests.support.pipeline import Pipeline

pytestmark = pytest.mark.e2e


class Leases:
    """Leases on one name in the stack's bucket, and which sessions were ended by who took one over."""

    def __init__(self, stack: Pipeline, name: str) -> None:
        settings = stack.settings()
        self.s3, self.bucket, self.name = AwsAccess.of(settings).s3(), settings.bucket, name
        self.ended: list[str] = []

    def lease(self, session: str = "", wait: float = 3, share: Share | None = None) -> Lease:
        return Lease(self.s3, self.bucket, self.name, session, self.ended.append, wait, share)

    def put(self, holder: Holder) -> None:
        self.s3.put_object(Bucket=self.bucket, Key=f"leases/{self.name}.json", Body=json.dumps(asdict(holder)).encode())


def held_by(pid: int, started: float, host: str = "", expires: float = 30) -> Holder:
    sessions = {"": "their-session"}
    return Holder("someone", host or socket.gethostname(), pid, started, sessions, time.time() + expires)


@pytest.fixture
def leases(stack: Pipeline, request: pytest.FixtureRequest) -> Leases:
    return Leases(stack, request.node.name)


def test_a_lease_of_a_living_process_is_respected(leases: Leases) -> None:
    leases.put(held_by(os.getpid(), psutil.Process().create_time()))
    with pytest.raises(LeaseHeld, match=f"process {os.getpid()} on {socket.gethostname()}"), leases.lease():
        pass
    assert leases.ended == []


def test_a_lease_of_a_process_that_is_gone_is_taken_over_and_its_session_ended(leases: Leases) -> None:
    child = subprocess.Popen([sys.executable, "-c", ""])
    child.wait()
    leases.put(held_by(child.pid, time.time()))
    with leases.lease():
        assert leases.ended == ["their-session"]


def test_a_process_id_that_is_used_again_is_not_taken_for_the_holder(leases: Leases) -> None:
    leases.put(held_by(os.getpid(), psutil.Process().create_time() - 1000))
    with leases.lease():
        assert leases.ended == ["their-session"]


def test_a_lease_from_another_machine_holds_until_it_expires(leases: Leases) -> None:
    leases.put(held_by(1, 0, host="elsewhere", expires=2))
    with pytest.raises(LeaseHeld), leases.lease(wait=0):
        pass
    with leases.lease(wait=10):
        assert leases.ended == ["their-session"]


def test_a_lease_that_was_given_back_is_taken_without_ending_a_session(leases: Leases) -> None:
    with leases.lease("mine"):
        pass
    with leases.lease("next", wait=0):
        assert leases.ended == []


def test_of_many_takers_at_once_one_wins(leases: Leases) -> None:
    def take(_: int) -> bool:
        try:
            with leases.lease(wait=0):
                time.sleep(2)
        except LeaseHeld:
            return False
        return True

    with ThreadPoolExecutor(max_workers=8) as pool:
        assert sum(pool.map(take, range(8))) == 1


def test_who_lost_the_lease_is_told_before_the_next_write(leases: Leases, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lease, "RENEW_SECONDS", 0.2)
    with leases.lease("mine") as mine:
        mine.check()
        leases.put(held_by(1, 0, host="elsewhere"))
        time.sleep(1)
        with pytest.raises(LeaseLost, match=leases.name):
            mine.check()


def test_tasks_of_a_run_share_its_lease_and_others_wait_until_the_last_one_ends(leases: Leases) -> None:
    with leases.lease("a", share=Share("run 1", "clean_pin")), leases.lease("b", share=Share("run 1", "clean_geo")):
        pass
    with pytest.raises(LeaseHeld, match="run 1 writes"), leases.lease(wait=0):
        pass  # between two tasks it is still the run's
    with leases.lease("c", share=Share("run 1", "report", last=True)):
        pass
    with leases.lease(wait=0):
        assert leases.ended == []


def test_a_task_that_starts_again_ends_what_its_earlier_try_left_and_that_one_is_told(
    leases: Leases, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lease, "RENEW_SECONDS", 0.2)
    other, first, second = (
        leases.lease(session, share=Share("run 1", task))
        for session, task in (("a", "clean_pin"), ("b", "clean_geo"), ("c", "clean_geo"))
    )
    with other, first, second:
        assert leases.ended == ["b"]
        time.sleep(1)
        with pytest.raises(LeaseLost):
            first.check()
        other.check()
        second.check()


def test_who_takes_over_a_dead_run_ends_the_sessions_of_all_its_tasks(leases: Leases) -> None:
    leases.put(Holder("run 1", "", 0, 0.0, {"clean_pin": "a", "clean_geo": "b"}, time.time() + 1.5))
    with pytest.raises(LeaseHeld, match="run 1 writes"), leases.lease(wait=0):
        pass
    with leases.lease(wait=10):
        assert sorted(leases.ended) == ["a", "b"]
