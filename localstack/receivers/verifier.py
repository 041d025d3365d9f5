"""A partner's server that only says whether a request verifies: 200 or 401. It prints its port and ends when its standard
input does, that is, with whoever started it. POST /webhook/N is checked with the Nth secret.
usage: python verifier.py plain|standard SECRET..."""

import hashlib
import hmac
import os
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

flavour, *secrets = sys.argv[1:]


def plain(secret, body, headers):
    """The lines of our own README for Python."""
    header = headers.get("x-webhook-signature")
    mac = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    return hmac.compare_digest(mac.encode(), (header or "").encode())


def standard(secret, body, headers):
    from standardwebhooks.webhooks import Webhook, WebhookVerificationError

    try:
        Webhook(secret).verify(body, dict(headers))
    except WebhookVerificationError:
        return False
    return True


verify = {"plain": plain, "standard": standard}[flavour]


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"]))
        ok = verify(secrets[int(self.path.rsplit("/", 1)[1])], body, self.headers)
        self.send_response(200 if ok else 401)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, *args):
        pass


def end_with_parent():
    sys.stdin.buffer.read()
    os._exit(0)


server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
print(server.server_port, flush=True)
threading.Thread(target=end_with_parent, daemon=True).start()
server.serve_forever()
