"""Checks received webhooks as their receivers would: signature, time, CloudEvent.

    check_webhooks.py FILE SECRET [--packages]

FILE is what webhook_receiver.py wrote. Uses the packages standardwebhooks, cloudevents and (for
Ed25519) cryptography where this Python has them, and its own library where not; says which. With --packages it demands them.
"""

import base64
import hashlib
import hmac
import json
import sys
import time

try:
    import standardwebhooks
except ImportError:
    standardwebhooks = None
try:
    from cloudevents.v1.http import from_http
except ImportError:
    try:
        from cloudevents.http import from_http
    except ImportError:
        from_http = None
try:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
except ImportError:
    Ed25519PublicKey = None


def content(headers, body):
    return f"{headers['webhook-id']}.{headers['webhook-timestamp']}.{body}".encode()


def check_signature(headers, body, secret):
    """The name of what has checked the signature."""
    if abs(time.time() - int(headers["webhook-timestamp"])) > 300:
        raise ValueError("sent at another time")
    key = base64.b64decode(secret.split("_", 1)[1])
    signatures = [text.split(",", 1) for text in headers["webhook-signature"].split(" ")]
    if secret.startswith("whpk_"):
        if Ed25519PublicKey is None:
            return "nothing"
        public = Ed25519PublicKey.from_public_bytes(key)
        for version, value in signatures:
            if version == "v1a":
                public.verify(base64.b64decode(value), content(headers, body))
                return "cryptography"
        raise ValueError("no v1a signature")
    if standardwebhooks is not None:
        standardwebhooks.Webhook(secret).verify(body, headers)
        return "standardwebhooks"
    wanted = base64.b64encode(
        hmac.new(key, content(headers, body), hashlib.sha256).digest()
    ).decode()
    if not any(version == "v1" and hmac.compare_digest(value, wanted) for version, value in signatures):
        raise ValueError("no signature fits")
    return "hmac"


REQUIRED = ("specversion", "id", "source", "type")


def check_event(headers, body):
    """The attributes and the data of a CloudEvent, and the name of what has read it."""
    if from_http is not None:
        event = from_http(headers, body)
        attributes = dict(event.get_attributes())
        return attributes, event.get_data(), "cloudevents"
    if headers["content-type"].startswith("application/cloudevents+json"):
        attributes = json.loads(body)
        data = attributes.pop("data")
    else:
        attributes = {name[3:]: value for name, value in headers.items() if name.startswith("ce-")}
        data = json.loads(body)
    return attributes, data, "json"


def main(path, secret):
    positions = []
    names = {}
    by = set()
    with open(path, encoding="utf-8") as file:
        for line in file:
            request = json.loads(line)
            headers, body = request["headers"], request["body"]
            by.add(check_signature(headers, body, secret))
            attributes, data, reader = check_event(headers, body)
            by.add(reader)
            for name in REQUIRED:
                if not attributes.get(name):
                    raise ValueError(f"the CloudEvent lacks {name}")
            if attributes["specversion"] != "1.0":
                raise ValueError("not CloudEvents 1.0")
            if headers["webhook-id"].split("/", 1)[1] != attributes["id"]:
                raise ValueError("the message and the event have different names")
            if names.setdefault(attributes["id"], data["position"]) != data["position"]:
                raise ValueError("two events have one name")
            if isinstance(data, bytes):
                data = json.loads(data)
            positions.append(data["position"])
    if "--packages" in sys.argv and by - {"standardwebhooks", "cloudevents", "cryptography"}:
        raise ValueError(f"not by the packages: {by}")
    print(*positions, "by", *sorted(by))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
