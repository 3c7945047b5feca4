"""The parts of the stack: one line of facts each, read by the launcher, the probes, doctor and the docs' tests."""

from __future__ import annotations

from dataclasses import dataclass

from pinpipe.settings import ROOT, Settings


@dataclass(frozen=True)
class Part:
    """One long-running part.

    ``ports`` are the names of the settings that hold its ports, the first one is where it serves; ``run`` is the
    command that starts it, below the project's root; ``after`` are the parts that must answer before it starts;
    ``memory_mb`` is what it takes on a full demo, the sum of its processes, rounded up; ``stop_seconds`` is how long it
    may take to stop by itself (the REST proxy delivers what it accepted, for up to 15 s); ``of_user`` says that
    it works for the user of the settings, on what is provisioned, and not for all users alike; ``stops_children`` says
    that it ends its child processes in order: it alone is told to stop, not its whole process group; ``group`` names
    parts that can be left out together.
    """

    name: str
    title: str
    ports: tuple[str, ...]
    run: str
    memory_mb: int
    after: tuple[str, ...] = ()
    stop_seconds: int = 15
    of_user: bool = False
    stops_children: bool = False
    group: str = ""

    def address(self, settings: Settings) -> str:
        """Where it serves; nowhere, if it has no port."""
        return f"127.0.0.1:{getattr(settings, self.ports[0])}" if self.ports else "-"

    @property
    def command(self) -> str:
        """The command that starts it, behind a gate that waits for the parts in ``after``."""
        script = str(ROOT / self.run)
        if not self.after:
            return script
        return f"{ROOT / '.venv/bin/python'} -m pinpipe.stack.gate {' '.join(self.after)} -- {script}"


PARTS = (
    Part("mysql", "MySQL 8, the source", ("mysql_port",), "services/mysql/run.sh", 150),
    Part("kafka", "Kafka broker (KRaft)", ("kafka_port", "kafka_controller_port"), "services/kafka/run.sh", 350),
    Part("localstack", "LocalStack: S3, API Gateway, CloudFormation, Kinesis", ("localstack_port",),
         "localstack/run.sh", 900),
    Part("spark", "Spark Connect server", ("spark_connect_port",), "services/spark/run.sh", 1800),
    Part("connect", "Kafka Connect with the S3 sink", ("connect_port",), "services/connect/run.sh", 300,
         after=("kafka",)),
    Part("rest-proxy", "Kafka REST proxy", ("rest_proxy_port",), "services/rest_proxy/run.sh", 100,
         after=("kafka",), stop_seconds=20),
    Part("stream", "the stream job: Kinesis to Delta", ("stream_port",), "services/stream/run.sh", 2200,
         after=("localstack",), stop_seconds=30, of_user=True, stops_children=True),
    Part("airflow-api-server", "Airflow: its page and REST API", ("airflow_port",),
         "services/airflow/run.sh api-server", 350, group="airflow"),
    Part("airflow-scheduler", "Airflow: the scheduler and its workers", (), "services/airflow/run.sh scheduler", 1100,
         after=("airflow-api-server",), stop_seconds=30, of_user=True, group="airflow"),
    Part("airflow-dag-processor", "Airflow: reads the DAGs", (), "services/airflow/run.sh dag-processor", 200,
         after=("airflow-api-server",), of_user=True, group="airflow"),
)  # fmt: skip
BY_NAME = {part.name: part for part in PARTS}
