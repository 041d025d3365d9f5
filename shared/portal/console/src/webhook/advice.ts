// What to look at when an attempt failed: the title says what happened, the steps say what to do, the likeliest first.
import type { ErrorCode } from "../api/types";

export interface Advice {
  title: string;
  steps: readonly string[];
}

const hosting = "If a hosting provider, proxy or load balancer stands before your server, look at its logs and settings too.";
const answerFirst = "Store the event, answer 200 at once, and do the work afterwards.";
const chain = "Let your server send the intermediate certificates too (“full chain”). Browsers fetch missing ones by themselves; we do not.";

/** byCode is what holds for an error code whatever its message. */
const byCode: Record<Exclude<ErrorCode, "http_status" | "tls_error">, Advice> = {
  dns_error: {
    title: "The host name could not be resolved",
    steps: [
      "Check the host name in the URL for typing errors.",
      "Check that a public DNS server knows it: “dig +short <host> @1.1.1.1” must print an address.",
      "If the DNS entry is new, wait until it has spread, and test again.",
    ],
  },
  blocked_address: {
    title: "The host name leads to an address that is not public",
    steps: [
      "Every address that the name resolves to, IPv4 and IPv6, must be reachable from the internet. Private, loopback and link-local ones are refused.",
      "If the server is inside your network, put a public gateway or reverse proxy before it and use the gateway's name.",
      "If the name resolves differently inside your network, look it up from outside.",
    ],
  },
  connection_refused: {
    title: "Nothing accepted the connection",
    steps: [
      "Check that your server is running.",
      "Check that it listens on the URL's port (443 if the URL names none), on all interfaces and not on localhost only.",
      "Check that the firewall lets https requests in from the internet.",
    ],
  },
  connection_reset: {
    title: "The connection was closed before an answer came",
    steps: [
      "Look into your server's log at the time of the attempt: a crash or a restart closes its connections.",
      "A firewall, or a limit on requests or their size, may have closed it.",
      hosting,
    ],
  },
  connect_timeout: {
    title: "No connection could be made within 5 seconds",
    steps: [
      "Check that the firewall lets https requests in: one that drops packets silently looks just like this.",
      "Check that every address of the host name leads to a server that runs, the IPv6 one too.",
      "Check that the server is not overloaded.",
    ],
  },
  timeout: {
    title: "No answer within 10 seconds",
    steps: [
      answerFirst,
      "Look in your server's log for what took so long: a database, another service, a lock.",
      "The event may have been processed all the same, and comes again. Skip those you have seen by the header webhook-id.",
    ],
  },
  protocol_error: {
    title: "The answer was not valid HTTP",
    steps: [
      "Check that the URL's port belongs to a web server that speaks HTTP/1.1.",
      "Check the headers of its answer: they may be malformed, or too large in all.",
      hosting,
    ],
  },
  interrupted: {
    title: "The attempt was interrupted on our side",
    steps: ["There is nothing to repair at your endpoint.", "Whether the request arrived is not known, so it may come a second time."],
  },
};

/** byStatus is what holds for a status alone. */
const byStatus: Record<number, Advice> = {
  400: {
    title: "Your endpoint refused the request as malformed (400)",
    steps: [
      "Compare the body with what your server expects. It is JSON; every event type has a sample under “Event types”.",
      "If it needs another shape, edit the webhook and give it a payload template.",
      "Some receivers answer 400 to a signature that does not match: the signature helper says why it does not.",
    ],
  },
  401: {
    title: "Your endpoint asks for other credentials (401)",
    steps: [
      "If your receiver checks the signature, as our sample code does, use the secret of this very webhook. The signature helper says whether they fit.",
      "If your server or gateway asks for a key, check the authentication header under “Edit”: its name, and its value with a prefix such as “Bearer ”. It may have expired.",
    ],
  },
  403: {
    title: "Your endpoint forbids the request (403)",
    steps: [
      "Check the authentication header under “Edit”: its name and its value.",
      "A web application firewall or bot protection may stand in the way: let POST requests to this path through.",
      "Frameworks with protection against cross-site requests (CSRF) need an exception for this path.",
      "If your receiver checks the signature, the signature helper says whether secret and body fit.",
    ],
  },
  404: {
    title: "There is nothing at this path (404)",
    steps: [
      "Check the path of the URL: upper and lower case, and a slash at its end, matter.",
      "Check that the route is deployed and takes POST requests.",
    ],
  },
  405: {
    title: "The path does not take POST requests (405)",
    steps: ["Check that your route handles POST, not GET only.", "Check the path: a slash too many or too few may lead to another route."],
  },
  408: {
    title: "Your endpoint waited too long for the request (408)",
    steps: ["Look whether your server, or a proxy before it, is overloaded, or its time-out for reading a request very short."],
  },
  410: {
    title: "The endpoint is gone (410)",
    steps: ["If it has moved, edit the webhook's URL. If nothing needs it any more, delete the webhook."],
  },
  411: {
    title: "Your endpoint wants a content length (411)",
    steps: ["Every request has one. A proxy before your server may take it away; look at its settings."],
  },
  413: {
    title: "The body is too large for your endpoint (413)",
    steps: [
      "Raise the limit on request bodies to at least 100 KiB: client_max_body_size in nginx, the limit of express.json().",
      "Or leave out what you do not need with a payload template.",
    ],
  },
  415: {
    title: "Your endpoint does not take this content type (415)",
    steps: ["Let it take “application/json”: every request is sent with that content type."],
  },
  422: {
    title: "Your endpoint could not use the content (422)",
    steps: [
      "Look at the response for which member it refused. Members that a verification lacks are left out of data.",
      "If it needs another shape, edit the webhook and give it a payload template.",
    ],
  },
  429: {
    title: "Your endpoint takes no more requests now (429)",
    steps: [
      "Raise the rate limit for this path, or leave it out of rate limiting.",
      "A Retry-After header (up to 15 minutes) delays our retry.",
    ],
  },
  500: {
    title: "Your server failed while handling the request (500)",
    steps: [
      "Look into its log at the time of the attempt: most likely an exception was not caught.",
      "Send a test while you watch the log.",
      "The event may have been processed in part, and comes again. Skip those you have seen by the header webhook-id.",
    ],
  },
  502: {
    title: "A proxy got no valid answer from your server (502)",
    steps: ["Check that the application behind the proxy or load balancer runs.", "Check the address and the port that the proxy forwards to."],
  },
  503: {
    title: "Your server is not available (503)",
    steps: [
      "Check that the application runs, and is not in maintenance or overloaded.",
      "A Retry-After header (up to 15 minutes) delays our retry.",
    ],
  },
  504: {
    title: "A proxy waited too long for your server (504)",
    steps: ["Check that the application behind the proxy or load balancer runs.", answerFirst],
  },
};

/** tlsByMessage tells the kinds of TLS failures apart by our own message; the first that fits counts. */
const tlsByMessage: [RegExp, Advice][] = [
  [
    /expired|not valid yet/,
    {
      title: "The certificate has expired, or is not valid yet",
      steps: ["Renew the certificate, and load it: many servers need a restart.", "Check that its automatic renewal works, and the server's clock."],
    },
  ],
  [
    /another host/,
    {
      title: "The certificate is for another host name",
      steps: [
        "The certificate must name the host of the URL (subject alternative name). A wildcard covers one level only.",
        "If several sites share the server, check which certificate belongs to this name (SNI).",
      ],
    },
  ],
  [
    /authority/,
    {
      title: "The certificate is not from a known authority",
      steps: [chain, "A self-signed certificate, or one of an authority of your own, is not accepted. Let's Encrypt gives them out free of charge."],
    },
  ],
  [
    /does not speak TLS/,
    {
      title: "The port does not speak TLS",
      steps: ["Check the URL's port: it must be the one for https, not the one for plain http.", "Check that TLS is switched on for it."],
    },
  ],
  [
    /HTTP\/1\.1/,
    {
      title: "The server does not offer HTTP/1.1",
      steps: ["Let it offer HTTP/1.1 beside HTTP/2 (the ALPN protocol “http/1.1”)."],
    },
  ],
  [
    /broke off/,
    {
      title: "The server broke off the TLS connection",
      steps: [
        "If it asks clients for a certificate (mutual TLS), switch that off for this path: we have none. Check the signature in its place.",
        hosting,
      ],
    },
  ],
  [
    /too large/,
    { title: "The certificate chain is too large", steps: ["Send the server's certificate and the intermediate ones only, without roots and others."] },
  ],
  [
    /handshake failed/,
    {
      title: "The TLS handshake failed",
      steps: ["Check that the server supports TLS 1.2 or later with common ciphers.", "Check that it knows this host name (SNI)."],
    },
  ],
];

const tlsInGeneral: Advice = {
  title: "No secure connection could be made",
  steps: ["Check that the certificate is valid today and names the host of the URL.", chain, "Check that the server supports TLS 1.2 or later."],
};

/** advice says what to do about a failed attempt. What we do not know is answered in general. */
export function advice(code: ErrorCode | (string & {}), statusCode?: number | null, message?: string | null): Advice {
  if (code === "http_status") {
    return ofStatus(statusCode ?? 0);
  }
  if (code === "tls_error") {
    return tlsByMessage.find(([pattern]) => pattern.test(message ?? ""))?.[1] ?? tlsInGeneral;
  }
  if (code === "interrupted" && /nothing was sent/.test(message ?? "")) {
    return { title: "Nothing was sent: we had too much to do at once", steps: ["There is nothing to repair at your endpoint.", "Try again in a moment."] };
  }
  if (Object.hasOwn(byCode, code)) {
    return byCode[code as keyof typeof byCode];
  }
  return { title: "The attempt failed", steps: ["Look into your server's log at the time of the attempt.", "Send a test while you watch the log."] };
}

function ofStatus(status: number): Advice {
  const known = byStatus[status];
  if (known) {
    return known;
  }
  if (status >= 300 && status < 400) {
    return {
      title: `Your endpoint redirects to another address (${status})`,
      steps: [
        "Redirects are not followed. Edit the webhook and enter the address that the request should end up at.",
        "Common causes: a slash at the end of the path, “www.” before the host, or a login page.",
      ],
    };
  }
  if (status >= 500) {
    return {
      title: `Your server, or a proxy before it, failed (${status})`,
      steps: ["Look into your server's log at the time of the attempt.", hosting],
    };
  }
  if (status >= 400) {
    return {
      title: `Your endpoint refused the request (${status})`,
      steps: ["Look at the response and into your server's log for the reason.", "Only an answer from 200 to 299 counts as delivered."],
    };
  }
  return {
    title: status > 0 ? `Your endpoint did not answer with success (${status})` : "Your endpoint did not answer with success",
    steps: ["Answer with a status from 200 to 299. Nothing else counts as delivered."],
  };
}
