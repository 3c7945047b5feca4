# /// script
# [tool.marimo.display]
# theme = "system"
# ///
"""The page as a marimo app: wiring between what the other modules compute and what the browser shows.

A cell runs again when a value that it takes has changed: those of the answers, the quarantine and SQL do not when the
counts are looked at again.
"""

import marimo

app = marimo.App(width="medium", app_title="pinpipe")


@app.cell
def _():
    import marimo as mo

    from dashboard import charts, flow, tables
    from dashboard.sql import QueryRefused, query
    from pinpipe import settings
    from pinpipe.counts import COUNTS
    from pinpipe.errors import first_line
    from pinpipe.status import gather

    in_force = settings.load()
    return COUNTS, QueryRefused, charts, first_line, flow, gather, in_force, mo, query, tables


@app.cell
def _(flow, mo):
    def text(*texts):
        """Texts as they are: nothing of the data becomes HTML or Markdown."""
        return mo.Html(flow.paragraphs(texts))

    def table(rows, label, **options):
        plain = {"selection": None, "show_column_summaries": False, "show_data_types": False}
        return mo.ui.table(rows, label=label, **plain, **options)

    return table, text


@app.cell
def _(in_force, mo):
    again = mo.ui.refresh(options=["5s", "10s", "1m"], default_interval="10s", label="Look again every")
    shown = mo.ui.radio(["Flow", "Answers", "Quarantine", "SQL"], value="Flow", inline=True, label="Show")
    mo.vstack([mo.md(f"# The Pinterest pipeline of {in_force.pin_user_id}"), again, shown])
    return again, shown


@app.cell
def _(again, gather, in_force):
    again.value
    status = gather(in_force)
    return (status,)


@app.cell
def _(flow, mo, status, text):
    advised = flow.advice(status)
    mo.callout(
        text(*(advised or ["Every part answers, and the numbers agree."])), kind="warn" if advised else "success"
    )
    return


@app.cell
def _(COUNTS, flow, mo, shown, status, table, text):
    mo.stop(shown.value != "Flow")

    def stages(counts, names):
        return [
            {"stage": name.replace("_", " "), **{t: flow.number(getattr(c, name)) for t, c in counts.items()}}
            for name in names
        ]

    def counted(rows, label, numbers):
        right = dict.fromkeys(numbers, "right")
        return table(rows, label, pagination=False, show_search=False, show_download=False, text_justify_columns=right)

    parts = [
        {"part": name, "state": part.state, "address": part.address, "memory MB": flow.number(part.memory_mb)}
        for name, part in status.parts.items()
    ]
    ran = f"The DAG ran last at {status.dag.last_run}: {status.dag.state}." if status.dag.state else ""
    mo.vstack([
        mo.Html(flow.picture(status)),
        counted(stages(status.batch, COUNTS), "Batch path: records in each stage", list(status.batch)),
        counted(stages(status.stream, flow.STREAMED), "Streaming path: records in each stage", list(status.stream)),
        counted(parts, "Parts", ["memory MB"]),
        text(ran),
    ])  # fmt: skip
    return


@app.cell
def _(charts, first_line, in_force, mo, shown, table, tables, text):
    mo.stop(shown.value != "Answers")

    def answered(answer, rows):
        shape = charts.SHAPES[answer.number]
        return mo.vstack([
            mo.md(f"## {answer.number}. {answer.question}"),
            text(answer.definition.replace("`", ""), charts.tie_note(shape, rows), charts.cut_note(shape, rows)),
            drawn(charts.chart(shape, rows, answer.question)) if rows else text("No row."),
            mo.accordion({"The table behind it": table(rows, answer.question)}),
        ])  # fmt: skip

    def drawn(chart):
        # marimo's own element: it comes from here and not from the web, and follows light and dark
        return mo.ui.altair_chart(chart, chart_selection=False, legend_selection=False)

    def all_answers():
        try:
            found = tables.answers(in_force)
        except Exception as error:  # the store's client has errors of its own
            return mo.callout(text("The tables can't be read.", first_line(error)), kind="warn")
        if not found:
            return mo.callout(text("There are no answers yet: run 'pinpipe batch'."), kind="info")
        return mo.vstack([answered(answer, rows) for answer, rows in found.items()], gap=2)

    all_answers()
    return


@app.cell
def _(first_line, in_force, tables):
    def opened(*names):
        """Tables for SQL, and why there are none."""
        try:
            found = tables.datasets(in_force, *names)
        except Exception as error:  # the store's client has errors of its own
            return {}, f"The tables can't be read: {first_line(error)}"
        return found, "" if found else "There are no tables yet: run 'pinpipe batch'."

    return (opened,)


@app.cell
def _(mo, opened, shown, table, tables, text):
    quarantine, reason, _seen = {}, None, None
    if shown.value == "Quarantine":
        _opened, _why = opened("quarantine_batch", "quarantine_stream")
        _counted = tables.reasons(_opened)
        quarantine = _opened if _counted else {}
        _reasons = list(dict.fromkeys(row["reason"] for row in _counted))
        reason = mo.ui.dropdown(_reasons, label="Only the reason")
        _seen = (
            mo.vstack([table(_counted, "Why messages are in quarantine"), reason])
            if _counted
            else mo.callout(text(_why or "Nothing is in quarantine."), kind="info")
        )
    _seen
    return quarantine, reason


@app.cell
def _(mo, quarantine, reason, table, tables):
    mo.stop(not quarantine)
    table(
        tables.quarantined(quarantine, reason.value),
        f"The newest {tables.QUARANTINED}, as they arrived; 'pinpipe replay' sends repaired ones again",
        wrapped_columns=["raw", "reasons"],
    )
    return


@app.cell
def _(mo):
    asked = mo.ui.text_area(
        value="SELECT category, count(*) AS posts FROM batch_pin GROUP BY ALL ORDER BY posts DESC",
        label="One SELECT over the Delta tables; SHOW TABLES names them",
        rows=5,
        full_width=True,
    ).form(submit_button_label="Ask")
    return (asked,)


@app.cell
def _(QueryRefused, asked, in_force, mo, opened, query, shown, table, tables, text):
    mo.stop(shown.value != "SQL")

    def replied():
        if not asked.value:
            return text()
        found, why = opened(*tables.named(in_force, asked.value))
        if not found:
            return mo.callout(text(why), kind="info")
        try:
            answer = query(found, asked.value)
        except QueryRefused as refusal:
            return mo.callout(text(*str(refusal).splitlines()), kind="danger")
        cut = f"The first {len(answer.rows)} rows; there are more." if answer.cut else f"{len(answer.rows)} rows."
        return mo.vstack([text(cut), table(answer.rows, "Rows")])

    mo.vstack([asked, replied()])
    return


if __name__ == "__main__":
    app.run()
