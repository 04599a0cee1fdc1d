"""DELIBERATELY VULNERABLE. Never put this on a network.

The twin of services/toolbox as it might have been written in an afternoon: every tool that `make
check-security` points at Howdah has to find the holes in here first, so that finding nothing in Howdah means
something. It binds to 127.0.0.1, whatever it is told, and does not start without saying that you know.

    GET /?name=         writes what it is told into the page                (cross-site scripting, CWE-79)
                        and evaluates it as a template                      (template injection, CWE-1336)
    GET /ping?ip=       hands its argument to a shell                       (command injection, CWE-78)
    GET /calculate?expr= hands its argument to eval                         (code injection, CWE-95)
    GET /ports?name=    pastes its argument into a statement                (SQL injection, CWE-89)
    GET /file?path=     opens what it is told                               (path traversal, CWE-22)

It shows its errors, answers one request at a time, and lets one slow caller hold up everybody.
"""

import os
import subprocess
import sys

import psycopg
from flask import Flask, render_template_string, request

app = Flask(__name__)


@app.get("/")
def greet():
    return render_template_string("<html><body>Hello, " + request.args.get("name", "World") + "!</body></html>")


@app.get("/ping")
def ping():
    done = subprocess.run("echo PING " + request.args["ip"], shell=True, capture_output=True, text=True, timeout=20)
    return "<pre>" + done.stdout + done.stderr + "</pre>"


@app.get("/calculate")
def calculate():
    return str(eval(request.args["expr"]))


@app.get("/ports")
def ports():
    with psycopg.connect(os.environ["DB_URL"]) as connection:
        try:
            rows = connection.execute("SELECT code, name FROM ports WHERE name = '" + request.args["name"] + "'").fetchall()
        except psycopg.Error as why:
            return f"<pre>psycopg.Error: {why}</pre>", 500
    return {"ports": [list(row) for row in rows]}


@app.get("/file")
def file():
    with open("/etc/" + request.args["path"]) as text:
        return "<pre>" + text.read() + "</pre>"


if __name__ == "__main__":
    if len(sys.argv) != 3 or sys.argv[1] != "--i-know-that-it-is-vulnerable":
        sys.exit(__doc__)
    app.run(host="127.0.0.1", port=int(sys.argv[2]), threaded=False)
