# /// script
# [tool.marimo.display]
# theme = "system"
# ///
"""One post on its way through the whole pipeline; a marimo notebook: `.venv/bin/marimo edit notebooks/walk.py`.

The stack must run (`make up`), and MySQL must hold posts (`pinpipe seed`).
"""

import marimo

app = marimo.App(width="medium", app_title="A walk through the pipeline")


@app.cell
def _():
    import marimo as mo

    from pinpipe import delta, kafka, lake, notebook, runs
    from pinpipe.aws import invoke_url
    from pinpipe.cli.posts import wait_for_sink
    from pinpipe.settings import TABLES
    from pinpipe.signing import api_signer
    from pinpipe.status import gather
    from producer import emulator, order
    from producer.database import Database
    from producer.kinesis_sender import kinesis_senders
    from producer.rest_sender import rest_senders
    from producer.tables import as_record

    settings = notebook.load()
    return (
        Database, TABLES, api_signer, as_record, delta, emulator, gather, invoke_url, kafka, kinesis_senders, lake, mo,
        order, rest_senders, runs, settings, wait_for_sink,
    )  # fmt: skip


@app.cell(hide_code=True)
def _(mo):
    mo.md("""
    # A walk through the pipeline

    One post leaves MySQL, passes the API gateway twice, lies in Kafka and in Kinesis, in S3, and, cleaned, in a table.
    Choose another post below, and everything that follows runs again for it.
    """)
    return


@app.cell
def _(Database, mo, order, settings):
    with Database(settings.mysql_url.get_secret_value()) as _database:
        _keys = _database.keys()
    mo.stop(not _keys, mo.md("MySQL holds no posts: run `pinpipe seed`."))
    # the first post that the course's emulator draws
    chosen = mo.ui.number(value=next(order.course_order(_keys)).ind, start=0, label="Post")
    chosen
    return (chosen,)


@app.cell(hide_code=True)
def _(mo):
    mo.md("""
    ## In the database

    A post has a row in each of three tables.
    """)
    return


@app.cell
def _(Database, TABLES, as_record, chosen, mo, settings):
    with Database(settings.mysql_url.get_secret_value()) as _database:
        post = _database.fetch_post(chosen.value)
    mo.json({_table: as_record(post.row(_table)) for _table in TABLES}) if post else mo.md("MySQL has no such post.")
    return (post,)


@app.cell(hide_code=True)
def _(mo):
    mo.md("""
    ## Through the API gateway

    The emulator's senders post the three rows as three records, to the topics (through the REST proxy) and to the
    streams. A button, because each press sends them once more.
    """)
    return


@app.cell
def _(mo):
    again = mo.ui.run_button(label="Send it")
    again
    return (again,)


@app.cell
def _(
    Database, again, api_signer, chosen, emulator, invoke_url, kinesis_senders, mo, order, post, rest_senders, settings
):
    mo.stop(post is None or not (again.value or mo.app_meta().mode == "script"))
    _api, _auth = invoke_url(settings), api_signer(settings)
    _senders = [
        *rest_senders(_api, settings.pin_user_id, auth=_auth),
        *kinesis_senders(_api, settings.pin_user_id, auth=_auth),
    ]
    with Database(settings.mysql_url.get_secret_value()) as _database:
        sent = emulator.post(_database, _senders, order.key_order([chosen.value]))
    for _sender in _senders:
        _sender.close()
    mo.ui.table([{"to": one.address, "acknowledged": one.counts.acknowledged} for one in sent.targets], selection=None)
    return (sent,)


@app.cell(hide_code=True)
def _(mo):
    mo.md("""
    ## In the topic, and in the lake

    The topic's last record is ours, unless somebody else posts. The S3 sink writes it into an object, whose name
    tells the first offset in it.
    """)
    return


@app.cell
def _(chosen, kafka, lake, mo, sent, settings, wait_for_sink):
    assert sent.totals.failed == 0, sent.totals.error
    _topic = settings.topic("pin")
    _record = [one for one in kafka.read_topic(settings, _topic) if one.key() == str(chosen.value).encode()][-1]
    wait_for_sink(settings)
    _objects = lake.objects(lake.bucket(settings), _topic)
    _holding = [one for one in _objects if one.partition == _record.partition() and one.first <= _record.offset()]
    arrived = {
        "topic": _topic,
        "partition": _record.partition(),
        "offset": _record.offset(),
        "value": _record.value().decode(),
        "object": max(_holding, key=lambda one: one.first).key,
    }
    mo.json(arrived)
    return (arrived,)


@app.cell(hide_code=True)
def _(mo):
    mo.md("""
    ## Clean

    The batch loads what is new in the lake and cleans it: half a minute of Spark. Of several messages of a post the
    newest is the clean one, and the others are recorded as superseded. The stream job does the same with the streams,
    by itself.
    """)
    return


@app.cell
def _(mo):
    go = mo.ui.run_button(label="Run the batch")
    go
    return (go,)


@app.cell
def _(go, mo, runs, settings):
    mo.stop(not (go.value or mo.app_meta().mode == "script"))
    counted = runs.run(settings, ("load", "clean"))
    mo.ui.table([{"table": name, "counts": str(one)} for name, one in counted.items()], selection=None)
    return (counted,)


@app.cell
def _(TABLES, chosen, counted, delta, mo, settings):
    assert all(one.holds for one in counted.values())
    cleaned = {
        _table: [row for row in delta.rows(settings, f"batch/{_table}") if row["ind"] == chosen.value]
        for _table in TABLES
    }
    mo.ui.tabs({_table: mo.ui.table(_rows, selection=None) for _table, _rows in cleaned.items()})
    return (cleaned,)


@app.cell(hide_code=True)
def _(mo, settings):
    mo.md(f"""
    ## Counted

    Every record is somewhere: *topic = lake + dead letters + tombstones*, *lake = clean + superseded + quarantined*.
    The answers, as charts, are on the stack's own page, {settings.dashboard_url}.
    """)
    return


@app.cell
def _(cleaned, gather, mo, settings):
    status = gather(settings) if cleaned else None
    mo.ui.table([{"table": name, **vars(one)} for name, one in status.batch.items()], selection=None)
    return (status,)


if __name__ == "__main__":
    app.run()
