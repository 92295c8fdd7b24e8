"""PostgreSQL's protocol, version 3, as far as recording and replaying takes it.

The specification: https://www.postgresql.org/docs/15/protocol-message-formats.html
"""

import base64
import struct

CANCEL_REQUEST = 80877102
VERSION_3 = 196608


def packed(kind, body):
    """A message as it is sent."""
    return kind.encode() + struct.pack("!I", len(body) + 4) + body


def packed_startup(parameters):
    body = struct.pack("!I", VERSION_3)
    for name, value in parameters.items():
        body += name.encode() + b"\0" + value.encode() + b"\0"
    body += b"\0"
    return struct.pack("!I", len(body) + 4) + body


def startup_parameters(body):
    """Of a startup packet's body, after the protocol's version."""
    words = body.rstrip(b"\0").decode().split("\0")
    return dict(zip(words[0::2], words[1::2]))


def described(kind, body):
    """A client's message for people: SQL as text, everything else in base64."""
    if kind == "P":
        name, sql, rest = body.split(b"\0", 2)
        (count,) = struct.unpack_from("!H", rest)
        types = list(struct.unpack_from(f"!{count}I", rest, 2))
        return {"type": kind, "name": name.decode(), "sql": sql.decode(), "types": types}
    if kind == "Q":
        return {"type": kind, "sql": body[:-1].decode()}
    return {"type": kind, "body": base64.b64encode(body).decode()}


def from_description(message):
    """The message that was described, as it is sent."""
    kind = message["type"]
    if kind == "P":
        types = message["types"]
        body = message["name"].encode() + b"\0" + message["sql"].encode() + b"\0"
        return packed(kind, body + struct.pack(f"!H{len(types)}I", len(types), *types))
    if kind == "Q":
        return packed(kind, message["sql"].encode() + b"\0")
    return packed(kind, base64.b64decode(message["body"]))


def command_tag(body):
    """Of a CommandComplete."""
    return body[:-1].decode()


def error_fields(body):
    """The code and the text of an ErrorResponse."""
    fields = {field[:1]: field[1:].decode() for field in body.split(b"\0") if field}
    return fields.get(b"C", ""), fields.get(b"M", "")


def bound_statement(message):
    """The name of the prepared statement that a described Bind names."""
    return base64.b64decode(message["body"]).split(b"\0", 2)[1].decode()
