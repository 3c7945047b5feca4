"""A real Kafka broker of a test's own: one KRaft node on free ports, its data in a folder the test gives."""

import os
import signal
import socket
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

from confluent_kafka import Consumer, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient, NewPartitions, NewTopic

_ROOT = Path(__file__).resolve().parents[2]
_CLUSTER_ID = "5L6g3nShT-eMCtK--X86sw"
_PROPERTIES = """\
process.roles=broker,controller
node.id=1
listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller_port}
advertised.listeners=PLAINTEXT://127.0.0.1:{port}
controller.listener.names=CONTROLLER
controller.quorum.bootstrap.servers=127.0.0.1:{controller_port}
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT
log.dirs={folder}/data
num.partitions=1
offsets.topic.num.partitions=4
offsets.topic.replication.factor=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=2
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
group.initial.rebalance.delay.ms=0
auto.create.topics.enable={auto_create}
log.cleaner.dedupe.buffer.size=2097152
# a killed broker is let in again once its old session is over; the default is 9 s
broker.session.timeout.ms=2000
broker.heartbeat.interval.ms=500
"""
# a second listener, whose clients log in by a token, and again after a second; of a repeated key the last counts
_TOKENS = """\
listeners=PLAINTEXT://127.0.0.1:{port},TOKENS://127.0.0.1:{token_port},CONTROLLER://127.0.0.1:{controller_port}
advertised.listeners=PLAINTEXT://127.0.0.1:{port},TOKENS://127.0.0.1:{token_port}
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,TOKENS:SASL_PLAINTEXT,CONTROLLER:PLAINTEXT
listener.name.tokens.sasl.enabled.mechanisms=OAUTHBEARER
listener.name.tokens.oauthbearer.connections.max.reauth.ms=1000
listener.name.tokens.oauthbearer.sasl.jaas.config=\\
    org.apache.kafka.common.security.oauthbearer.OAuthBearerLoginModule required unsecuredLoginStringClaim_sub="broker";
authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer
super.users=User:ANONYMOUS
"""
_LOGGING = """\
status=warn
rootLogger.level=WARN
rootLogger.appenderRefs=stdout
rootLogger.appenderRef.stdout.ref=STDOUT
appender.stdout.type=Console
appender.stdout.name=STDOUT
appender.stdout.layout.type=PatternLayout
appender.stdout.layout.pattern=[%d] %p %m (%c)%n
"""


def free_ports(count: int) -> list[int]:
    """Ports on 127.0.0.1 that nobody listens on at this moment, all different."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [s.getsockname()[1] for s in sockets]
    for s in sockets:
        s.close()
    return ports


def jars() -> Path:
    """The folder of Kafka's jars, as set-up leaves it."""
    home = os.environ.get("PIN_TOOLS")
    return (Path(home) if home else _ROOT / ".pinpipe") / "jars" / "kafka"


@dataclass(frozen=True)
class StoredRecord:
    """One record as the broker has it."""

    partition: int
    offset: int
    key: bytes | None
    value: bytes | None


def read_topic(bootstrap: str, topic: str, timeout: float = 20.0) -> list[StoredRecord]:
    """Everything a topic holds now, by partition and offset; without a group, so nothing is left behind."""
    consumer = Consumer(
        {"bootstrap.servers": bootstrap, "group.id": "unused", "enable.auto.commit": False, "log_level": 0}
    )
    try:
        found: list[StoredRecord] = []
        for number in sorted(consumer.list_topics(topic, timeout=timeout).topics[topic].partitions):
            low, high = consumer.get_watermark_offsets(TopicPartition(topic, number), timeout=timeout)
            if low == high:
                continue
            consumer.assign([TopicPartition(topic, number, low)])
            deadline = time.monotonic() + timeout
            last = -1
            while last < high - 1:
                if time.monotonic() > deadline:
                    raise TimeoutError(f"{topic}, partition {number}: at offset {last} of {high}")
                for message in consumer.consume(1000, timeout=0.2):
                    if message.error() is None:
                        last = message.offset()
                        found.append(StoredRecord(number, last, message.key(), message.value()))
        return found
    finally:
        consumer.close()


class Broker:
    """One broker; ``start`` may follow ``stop`` or ``kill``, with the same data on the same ports."""

    def __init__(self, folder: Path, *, auto_create: bool = False, tokens: bool = False) -> None:
        """Lay out the folder; nothing runs yet. ``auto_create`` is the broker's auto.create.topics.enable; with
        ``tokens`` it also listens on ``token_port``, where clients log in by unsecured JSON web tokens (OAUTHBEARER),
        again each second or their connections are closed, and may do what access control lists say."""
        self.folder = folder
        self.port, self.controller_port, self.token_port = free_ports(3)
        self.bootstrap = f"127.0.0.1:{self.port}"
        self._tokens = tokens
        self._auto_create = auto_create
        self._process: subprocess.Popen[bytes] | None = None

    def start(self, timeout: float = 60.0) -> "Broker":
        """Start it, unless it runs, and wait until it answers."""
        if self._process is not None and self._process.poll() is None:
            return self
        properties = self.folder / "server.properties"
        if not properties.exists():
            self._format(properties)
        with (self.folder / "broker.log").open("ab") as out:
            self._process = subprocess.Popen(
                [*self._java("-Xmx256m"), "kafka.Kafka", str(properties)],
                stdout=out,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        deadline = time.monotonic() + timeout
        while True:
            try:
                AdminClient({"bootstrap.servers": self.bootstrap, "log_level": 0}).list_topics(timeout=1)
                return self
            except KafkaException:
                if self._process.poll() is not None or time.monotonic() > deadline:
                    raise RuntimeError(f"the broker did not start:\n{self.log_tail()}") from None

    def stop(self) -> None:
        """End it in order (SIGTERM)."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """End it at once (SIGKILL)."""
        self._end(signal.SIGKILL)

    def freeze(self) -> None:
        """Stop its process without ending it: connections stay open, nothing is answered."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let a frozen broker go on."""
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)

    def create_topic(self, name: str, partitions: int = 1) -> str:
        """Make a topic and wait until the broker serves it; returns its name."""
        admin = AdminClient({"bootstrap.servers": self.bootstrap})
        admin.create_topics([NewTopic(name, partitions, 1)])[name].result(15)
        deadline = time.monotonic() + 15
        while time.monotonic() < deadline:
            topic = admin.list_topics(timeout=5).topics.get(name)
            if topic is not None and len(topic.partitions) == partitions and topic.error is None:
                return name
            time.sleep(0.02)
        raise RuntimeError(f"topic {name} did not appear")

    def add_partitions(self, name: str, total: int) -> None:
        """Give a topic more partitions and wait until the broker serves them."""
        admin = AdminClient({"bootstrap.servers": self.bootstrap})
        admin.create_partitions([NewPartitions(name, total)])[name].result(15)
        deadline = time.monotonic() + 15
        while len(admin.list_topics(name, timeout=5).topics[name].partitions) != total:
            if time.monotonic() > deadline:
                raise RuntimeError(f"topic {name} did not get {total} partitions")
            time.sleep(0.02)

    def log_tail(self, lines: int = 30) -> str:
        """The end of the broker's log."""
        return "\n".join((self.folder / "broker.log").read_text(errors="replace").splitlines()[-lines:])

    def __enter__(self) -> "Broker":
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.kill()

    def _format(self, properties: Path) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        (self.folder / "log4j2.properties").write_text(_LOGGING)
        properties.write_text(
            (_PROPERTIES + (_TOKENS if self._tokens else "")).format(
                port=self.port,
                token_port=self.token_port,
                controller_port=self.controller_port,
                folder=self.folder,
                auto_create=str(self._auto_create).lower(),
            )
        )
        subprocess.run(
            [
                *self._java("-Xmx128m"),
                "kafka.tools.StorageTool",
                "format",
                "--standalone",
                *("-t", _CLUSTER_ID, "-c", str(properties)),
            ],
            check=True,
            capture_output=True,
            timeout=60,
        )

    def _java(self, heap: str) -> list[str]:
        return [
            *("java", heap, "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"),
            f"-Dlog4j2.configurationFile={self.folder / 'log4j2.properties'}",
            *("-cp", f"{jars()}/*"),
        ]

    def _end(self, number: signal.Signals) -> None:
        if self._process is None:
            return
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGCONT)
            self._process.send_signal(number)
        try:
            self._process.wait(30)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait(10)
        self._process = None
