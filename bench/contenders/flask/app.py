"""Flask and psycopg2 behind gunicorn.

KEEP=no opens a connection for each request, as the services were written; KEEP=yes keeps one for
each thread.
"""

import os
import pathlib
import re
import threading
from contextlib import contextmanager

import psycopg2
from flask import Flask, abort, jsonify, request

app = Flask(__name__)
url = os.environ["DATABASE_URL"]
keep = os.environ["KEEP"] == "yes"
kept = threading.local()


def statement(name: str) -> str:
    text = (pathlib.Path(__file__).parent.parent / "sql" / f"{name}.sql").read_text()
    return re.sub(r"\$(\d+)", r"%(p\1)s", text)


PORT, RATES, ITEMS = (statement(name) for name in ("port", "rates", "items"))


@contextmanager
def cursor():
    if keep:
        if not hasattr(kept, "connection"):
            kept.connection = psycopg2.connect(url)
            kept.connection.autocommit = True
        with kept.connection.cursor() as it:
            yield it
        return
    connection = psycopg2.connect(url)
    try:
        with connection.cursor() as it:
            yield it
    finally:
        connection.close()


@app.get("/")
def hello():
    return jsonify(message="Hello world!")


@app.get("/port")
def port():
    with cursor() as it:
        it.execute(PORT, {"p1": request.args["code"]})
        row = it.fetchone()
    if row is None:
        abort(404)
    return jsonify(code=row[0], name=row[1])


@app.get("/rates")
def rates():
    names = ("date_from", "date_to", "orig_code", "dest_code")
    with cursor() as it:
        it.execute(RATES, {f"p{at + 1}": request.args[name] for at, name in enumerate(names)})
        rows = it.fetchall()
    days = [{"count": row[0], "day": row[1].isoformat(), "price": row[2]} for row in rows]
    return jsonify(rates=days)


@app.get("/items")
def items():
    with cursor() as it:
        it.execute(ITEMS, {"p1": int(request.args["after"])})
        rows = it.fetchall()
    return jsonify(
        [
            {
                "id": row[0],
                "name": row[1],
                "score": row[2],
                "amount": float(row[3]),
                "day": row[4].isoformat(),
                "at": row[5].isoformat(),
            }
            for row in rows
        ]
    )
