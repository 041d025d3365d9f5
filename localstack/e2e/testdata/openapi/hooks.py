"""Keeps what schemathesis does on this machine, and within the limits of one partner."""

import collections
import json
import urllib.parse
import urllib.request

import schemathesis

# Nothing answers there. The local stage takes localhost as an endpoint.
NOWHERE = "localhost:1024"

# A partner may have 50.
MOST_WEBHOOKS = 30

made = collections.deque()


@schemathesis.hook
def before_call(context, case, kwargs):
    """A URL that could be called leads to nowhere instead."""
    if isinstance(case.body, dict) and isinstance(case.body.get("url"), str):
        url = case.body["url"]
        if url.lower().startswith("http"):
            scheme, _, rest = url.partition("://")
            path = rest.partition("/")[2]
            case.body["url"] = f"{scheme}://{NOWHERE}/{path}"


@schemathesis.hook
def after_call(context, case, response):
    """The oldest webhook makes room for a new one."""
    if response.status_code != 201:
        return
    made.append(json.loads(response.content)["id"])
    if len(made) > MOST_WEBHOOKS:
        url = f"{response.request.url.partition('?')[0]}/{made.popleft()}"
        request = urllib.request.Request(url, method="DELETE", headers={"Authorization": case.headers["Authorization"]})
        try:
            urllib.request.urlopen(request).close()
        except urllib.error.HTTPError as error:
            if error.code != 404:
                raise
