"""Malformed HTTP/2 (RFC 9113), byte by byte, and what a server makes of it.

A case is what is sent behind the connection preface. A server has done right when it ends the connection or
the stream, or refuses the request; wrong when it answers as if nothing were the matter, or waits on for more.
"""

import socket
import ssl
import struct
import time

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, PRIORITY, RST_STREAM, SETTINGS, PUSH_PROMISE, PING, GOAWAY, WINDOW_UPDATE, CONTINUATION = range(10)
END_STREAM, ACK, END_HEADERS, PADDED = 1, 1, 4, 8
PATIENCE_S = 6


def frame(kind, flags, stream, payload=b"", length=None):
    size = len(payload) if length is None else length
    return struct.pack(">I", size)[1:] + bytes([kind, flags]) + struct.pack(">I", stream) + payload


def literal(name, value):
    """A header field, spelled out (RFC 7541, section 6.2.2), each part shorter than 127 bytes."""
    return b"\x00" + bytes([len(name)]) + name + bytes([len(value)]) + value


def fields(*more, method=b"GET", path=b"/", scheme=b"https"):
    pseudo = [(b":method", method), (b":scheme", scheme), (b":path", path), (b":authority", b"localhost")]
    return b"".join(literal(name, value) for name, value in [*pseudo, *more] if value is not None)


def request(stream=1, block=None, flags=END_STREAM | END_HEADERS):
    return frame(HEADERS, flags, stream, fields() if block is None else block)


OPEN = frame(SETTINGS, 0, 0)
POST = request(1, fields(method=b"POST"), END_HEADERS)

CASES = {
    "a preface that is none": (b"PRI * HTTP/2.0\r\n\r\nXX\r\n\r\n", b""),
    "a frame larger than was allowed": (PREFACE + OPEN, frame(DATA, 0, 1, bytes(100), length=0xFFFFFF)),
    "DATA on stream 0": (PREFACE + OPEN, frame(DATA, 0, 0, b"x")),
    "DATA on a stream that is idle": (PREFACE + OPEN, frame(DATA, 0, 5, b"x")),
    "HEADERS on stream 0": (PREFACE + OPEN, request(0)),
    "HEADERS on a stream of the server's": (PREFACE + OPEN, request(2)),
    "a stream number that goes backwards": (PREFACE + OPEN, request(5) + request(3)),
    "SETTINGS on a stream": (PREFACE + OPEN, frame(SETTINGS, 0, 1)),
    "SETTINGS of five bytes": (PREFACE, frame(SETTINGS, 0, 0, bytes(5))),
    "an acknowledgement with a payload": (PREFACE + OPEN, frame(SETTINGS, ACK, 0, bytes(6))),
    "ENABLE_PUSH of 2": (PREFACE, frame(SETTINGS, 0, 0, struct.pack(">HI", 2, 2))),
    "a window of 2^31": (PREFACE, frame(SETTINGS, 0, 0, struct.pack(">HI", 4, 1 << 31))),
    "a frame size of 1": (PREFACE, frame(SETTINGS, 0, 0, struct.pack(">HI", 5, 1))),
    "PING of four bytes": (PREFACE + OPEN, frame(PING, 0, 0, bytes(4))),
    "PING on a stream": (PREFACE + OPEN, frame(PING, 0, 1, bytes(8))),
    "WINDOW_UPDATE of nothing": (PREFACE + OPEN, frame(WINDOW_UPDATE, 0, 0, bytes(4))),
    "WINDOW_UPDATE past the limit": (PREFACE + OPEN, 2 * frame(WINDOW_UPDATE, 0, 0, b"\x7f\xff\xff\xff")),
    "WINDOW_UPDATE on a stream that is idle": (PREFACE + OPEN, frame(WINDOW_UPDATE, 0, 7, b"\0\0\0\1")),
    "RST_STREAM on a stream that is idle": (PREFACE + OPEN, frame(RST_STREAM, 0, 7, bytes(4))),
    "RST_STREAM of three bytes": (PREFACE + OPEN, POST + frame(RST_STREAM, 0, 1, bytes(3))),
    "a push by the caller": (PREFACE + OPEN, frame(PUSH_PROMISE, END_HEADERS, 1, bytes(4) + fields())),
    "CONTINUATION of nothing": (PREFACE + OPEN, frame(CONTINUATION, END_HEADERS, 1, fields())),
    "another frame within a header block": (PREFACE + OPEN, request(1, flags=END_STREAM) + frame(PING, 0, 0, bytes(8))),
    "CONTINUATION of another stream": (PREFACE + OPEN, request(1, flags=END_STREAM) + frame(CONTINUATION, END_HEADERS, 3, b"")),
    "CONTINUATION without end": (PREFACE + OPEN, request(1, flags=END_STREAM) + 4000 * frame(CONTINUATION, 0, 1, 8 * literal(b"x-a", 90 * b"a"))),
    "an index that no table has": (PREFACE + OPEN, request(1, b"\xff\xff\xff\xff\x0f")),
    "a header block that is cut off": (PREFACE + OPEN, request(1, fields()[:-5])),
    "a table larger than was allowed": (PREFACE + OPEN, request(1, b"\x3f\xe1\xff\xff\x7f" + fields())),
    "padding longer than the frame": (PREFACE + OPEN, frame(HEADERS, END_STREAM | END_HEADERS | PADDED, 1, b"\xff" + fields())),
    "a name in capitals": (PREFACE + OPEN, request(1, fields((b"X-Upper", b"a")))),
    "no path": (PREFACE + OPEN, request(1, fields(path=None))),
    "an empty path": (PREFACE + OPEN, request(1, fields(path=b""))),
    "no method": (PREFACE + OPEN, request(1, fields(method=None))),
    "two methods": (PREFACE + OPEN, request(1, fields((b":method", b"GET")))),
    "a pseudo field that none knows": (PREFACE + OPEN, request(1, fields((b":spare", b"a")))),
    "a pseudo field behind the others": (PREFACE + OPEN, request(1, literal(b"accept", b"*/*") + fields())),
    "a field of a connection": (PREFACE + OPEN, request(1, fields((b"connection", b"close")))),
    "a transfer coding": (PREFACE + OPEN, request(1, fields((b"transfer-encoding", b"chunked")))),
    "a line feed in a value": (PREFACE + OPEN, request(1, fields((b"x-a", b"a\r\nb: c")))),
    "a NUL in a value": (PREFACE + OPEN, request(1, fields((b"x-a", b"a\0b")))),
    "a length that is not the body's": (PREFACE + OPEN, request(1, fields((b"content-length", b"9"), method=b"POST"), END_HEADERS)
                                        + frame(DATA, END_STREAM, 1, b"x")),
    "DATA after the end": (PREFACE + OPEN, request(1) + frame(DATA, END_STREAM, 1, b"x")),
    "HEADERS a thousand times the limit": (PREFACE + OPEN, b"".join(
        request(1, b"", 0) if it == 0 else frame(CONTINUATION, 0, 1, 20 * literal(b"x-b", 100 * b"b")) for it in range(2000))),
    "a flood of resets": (PREFACE + OPEN, b"".join(request(it) + frame(RST_STREAM, 0, it, b"\0\0\0\x08") for it in range(1, 40001, 2))),
}

# A server may insist on SETTINGS as the first frame behind the preface; the one under hyper waits for them instead, until
# the time limit for idle connections ends it. So that case is not among these.

# What looks odd, and is allowed: after it, a request is answered.
ALLOWED = {
    "a frame of a kind that none knows": frame(0x7F, 0xFF, 0, b"spare"),
    "a setting that none knows": frame(SETTINGS, 0, 0, struct.pack(">HI", 0x7F7F, 1)),
    "PRIORITY on a stream that is idle": frame(PRIORITY, 0, 9, bytes(5)),
    "PING": frame(PING, 0, 0, b"12345678"),
}


def connect(port):
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.set_alpn_protocols(["h2"])
    plain = socket.create_connection(("127.0.0.1", port), PATIENCE_S)
    return context.wrap_socket(plain, server_hostname="localhost")


def read_frames(stream, until):
    """The frames that come, until the connection ends (then the last is None) or the time does."""
    buffer = b""
    while True:
        left = until - time.monotonic()
        if left <= 0:
            return
        stream.settimeout(left)
        try:
            more = stream.recv(65536)
        except TimeoutError:
            return
        except OSError:
            more = b""
        if not more:
            yield None
            return
        buffer += more
        while len(buffer) >= 9:
            length = int.from_bytes(buffer[:3], "big")
            if len(buffer) < 9 + length:
                break
            yield buffer[3], buffer[4], int.from_bytes(buffer[5:9], "big") & 0x7FFFFFFF, buffer[9:9 + length]
            buffer = buffer[9 + length:]


def outcome(port, opening, sent):
    """`ended`, `refused`, `answered` or `nothing`."""
    with connect(port) as stream:
        try:
            stream.settimeout(PATIENCE_S)
            stream.sendall(opening + sent)
        except OSError:
            return "ended"
        answered = False
        for got in read_frames(stream, time.monotonic() + PATIENCE_S):
            if got is None or got[0] == GOAWAY:
                return "ended"
            if got[0] == RST_STREAM:
                return "refused"
            # A status of the static table, or spelled out: 2xx are 0x88 to 0x8a.
            if got[0] == HEADERS and got[3][:1] not in (b"\x88", b"\x89", b"\x8a"):
                return "refused"
            answered |= got[0] == HEADERS
            if answered:
                # What was sent before the fault may be answered, when the end comes behind it.
                stream.settimeout(1)
        return "answered" if answered else "nothing"


def answered(port, before=b""):
    with connect(port) as stream:
        stream.sendall(PREFACE + OPEN + before + request(1))
        return any(got is not None and got[0] == HEADERS and got[3][:1] == b"\x88" for got in read_frames(stream, time.monotonic() + PATIENCE_S))


def check(port, cases=None):
    """What the server on this port does wrong, a sentence each."""
    wrong = []
    for name, (opening, sent) in (cases or CASES).items():
        try:
            made = outcome(port, opening, sent)
        except OSError as why:
            wrong.append(f"{name}: no connection ({why})")
            continue
        if made not in ("ended", "refused"):
            wrong.append(f"{name}: {made}")
    for name, before in ALLOWED.items():
        if not answered(port, before):
            wrong.append(f"{name}: a request behind it is not answered")
    return wrong


def credulous(certificate, key):
    """A server that agrees to HTTP/2 and believes everything; gives its port and a function that ends it."""
    import threading

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    context.set_alpn_protocols(["h2"])
    listener = socket.create_server(("127.0.0.1", 0))

    def serve(plain):
        try:
            with context.wrap_socket(plain, server_side=True) as stream:
                stream.sendall(OPEN + frame(HEADERS, END_HEADERS | END_STREAM, 1, b"\x88"))
                while stream.recv(65536):
                    pass
        except OSError:
            pass

    def accept():
        while True:
            try:
                plain, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=serve, args=(plain,), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    return listener.getsockname()[1], listener.close
