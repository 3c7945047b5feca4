"""Posts through the API gateway against direct to the REST proxy: ``python -m bench.emulator [--rounds N]``.

The emulator's own code sends generated posts, three records each, in batches of 1, 10, 100 and 500: to the API's
address, as it does, and to the REST proxy's own. What the first takes longer is the gateway's share; on this machine
the gateway is LocalStack's, which is written in Python. The stack is the tests' own.
"""

from __future__ import annotations

from bench.report import Report, Target, arguments
from pinpipe.aws import invoke_url
from producer.emulator import post
from producer.generate import generate
from producer.order import key_order
from producer.rest_sender import rest_senders
from producer.tables import Post
from tests.support.pipeline import Pipeline, write_env_file

PARTS = ("kafka", "localstack", "connect", "rest-proxy")
POSTS = {1: 60, 10: 300, 100: 1500, 500: 3000}
"""Posts a batch, and how many posts a round sends."""
GATEWAY, DIRECT, SHARE = "by the gateway, posts/s", "direct, posts/s", "the gateway's share of the time, %"


def case(size: int) -> str:
    return f"{size} post{'s' if size > 1 else ''} a batch"


TARGETS = [
    *(Target(f"{case(size)}: by the gateway / direct", (case(size), GATEWAY), (case(size), DIRECT)) for size in POSTS),
    Target("by the gateway: batches of 500 / of 1", (case(500), GATEWAY), (case(1), GATEWAY)),
]


class Posts:
    """What the emulator takes from MySQL otherwise."""

    def __init__(self, count: int) -> None:
        made = generate(count)
        rows = zip(made.pin, made.geo, made.user, strict=True)
        self._posts = [Post(ind, *three) for ind, three in enumerate(rows)]

    def fetch_posts(self, inds: list[int]) -> list[Post]:
        return [self._posts[ind] for ind in inds]


def sent(posts: Posts, address: str, size: int, count: int) -> float:
    """Posts a second, all of which must be acknowledged."""
    senders = rest_senders(address, "bench")
    try:
        done = post(posts, senders, key_order(range(count)), batch_size=size)  # type: ignore[arg-type]
    finally:
        for sender in senders:
            sender.close()
    if done.totals.acknowledged != 3 * count:
        raise SystemExit(f"{done.totals} of {3 * count} records")
    return count / done.seconds


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args()
    report = Report("emulator", TARGETS, given.record)
    write_env_file()
    pipeline = Pipeline("bench")
    posts = Posts(max(POSTS.values()))
    try:
        pipeline.run("up", *PARTS)
        pipeline.run("provision")
        settings = pipeline.settings()
        ways = {GATEWAY: invoke_url(settings), DIRECT: settings.rest_proxy_url}
        for address in ways.values():
            sent(posts, address, 10, 100)  # connections, and whatever is made at the first request
        for size, count in POSTS.items():
            count = count // 3 if given.quick else count
            rates: dict[str, list[float]] = {name: [] for name in ways}
            for _ in range(1 if given.quick else given.rounds):
                for name, address in ways.items():
                    rates[name].append(sent(posts, address, size, count))
            shares = [100 * (1 - by / direct) for by, direct in zip(rates[GATEWAY], rates[DIRECT], strict=True)]
            report.add(case(size), {**rates, SHARE: shares})
    finally:
        pipeline.run("clean", "--yes")
    report.close()


if __name__ == "__main__":
    main()
