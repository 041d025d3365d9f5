/** Finding is a sentence for what was found, and one for what to do. */
export interface Finding {
  code: Code;
  title: string;
  advice: string;
}

/** finding looks up the sentences of a code. */
export function finding(code: Code): Finding {
  const [title, advice] = sentences[code];
  return { code, title, advice };
}

export type Code = keyof typeof sentences;

const useRaw = "Sign the bytes of the request as they came in, before anything parses them.";
const pasteRaw = `If your receiver works on such a body too, that is the fault: ${useRaw.charAt(0).toLowerCase()}${useRaw.slice(1)}`;

// A code that begins with "body" says what happened to the body that was pasted, "code" what a receiver signs in its place.
const sentences = {
  "body.bom": ["The body you pasted begins with a byte order mark.", `We send none; an editor or a log has added it. ${pasteRaw}`],
  "body.newline": ["The body you pasted has a line end after its last brace.", `We send none; an editor, a log or a shell command has added it. ${pasteRaw}`],
  "body.white-space": ["The body you pasted has white space that we did not send.", `It has been formatted for reading, or serialised anew. ${pasteRaw}`],
  "body.line-breaks": ["The body you pasted is broken into lines inside its texts.", "A terminal or a mail has wrapped it. Copy it from a file, or choose the file here."],
  "body.headers": ["What you pasted has the request's headers before the body.", "Only what follows the empty line is signed."],
  "body.quoted": ["The body you pasted is in single quotes.", "The quotes belong to the command line or to Python, not to the body."],
  "body.markup": ["The body you pasted has HTML entities such as &quot; in it.", `It was escaped to be shown on a page. ${pasteRaw}`],
  "body.form": ["The body you pasted has gone through a decoder or encoder of forms.", "It was read as application/x-www-form-urlencoded, which changes +, = and %. Let your framework read it as raw bytes, whatever its content type."],
  "body.encoded-twice": ["The body you pasted is JSON inside a JSON string.", `It was serialised a second time, as logs and queues do. ${pasteRaw}`],
  "body.typography": ["The body you pasted has typographic quotes or spaces.", "A word processor or a chat has replaced the plain ones. Copy it from where it was received."],
  "body.charset": ["The body you pasted was read in another character set than UTF-8.", "Our bodies are UTF-8; yours was taken for Latin-1 or Windows-1252. Sign the bytes, or decode and encode them as UTF-8."],
  "body.normalized": ["The body's accented letters have been composed or decomposed (Unicode normalisation).", `They look the same and are other bytes. ${pasteRaw}`],
  "body.escapes": ["The body you pasted writes some characters with other escapes than we do.", "For example \\u00e9 for é, or \\/ for /: json.dumps in Python and json_encode in PHP do so. The body was parsed and serialised anew. " + useRaw],
  "body.numbers": ["The body you pasted writes some numbers in another way than we do.", "For example 5000.0 for 5000: the body was parsed and serialised anew. " + useRaw],
  "body.order": ["The members of the body you pasted are in another order than we sent them.", "Maps of many languages have no order, or sort by name: the body was parsed and serialised anew. " + useRaw],
  "body.members": ["The body you pasted has members twice.", "Parsing keeps only the last one of each name. " + useRaw],
  "body.lost-characters": ["The body you pasted holds the character U+FFFD (\ufffd).", "It usually stands for bytes that could not be read: the body was cut inside a character, or decoded in another character set. What was there cannot be told any more; take the body from the delivery's page in the log, or log the raw bytes."],
  "body.object": ["What you pasted is how JavaScript prints an object.", "The body was parsed and then made a text with String(). " + useRaw],
  "body.python-dict": ["What you pasted is how Python prints a dict, not JSON.", "Log the raw body (in Flask request.get_data(), in Django request.body) and sign that."],
  "body.truncated": ["The body you pasted ends in the middle.", "It was cut off by a log, or the receiver reads only the first piece of the request. Read to the end of the request, up to 102,400 bytes, before you verify."],
  "body.not-json": ["What you pasted as the body is not JSON.", "Paste the request's body alone, as it was received, without headers."],
  "body.data-only": ["What you pasted looks like the body's data member alone.", "All of the body is signed, from its first brace to its last."],

  "code.empty": ["The signature is that of an empty body.", "The body had been read already, or not yet, when your code signed it: register the middleware that keeps the raw body before the one that parses JSON."],
  "code.object": ["The signature is that of the text [object Object].", "Your code made a text of the parsed body with String(). " + useRaw],
  "code.newline": ["The signature is that of the body and a line end.", "With a shell, use printf %s instead of echo; elsewhere, do not read the body line by line."],
  "code.bom": ["The signature is that of the body after a byte order mark.", "Your code encodes the body as UTF-8 with a mark. " + useRaw],
  "code.charset": ["The signature is that of the body in another character set than UTF-8.", "Your code decodes or encodes the body as Latin-1 or Windows-1252. Sign the bytes, or name UTF-8 where text becomes bytes."],
  "code.encoded-twice": ["The signature is that of the body as a JSON string.", "Your code calls JSON.stringify on a body that is a text already. " + useRaw],
  "code.form": ["The signature is that of the body after a form encoding.", "Your framework took the body for a form. Let it read raw bytes, whatever the content type."],
  "code.indented": ["The signature is that of the body written with indents.", "Your code parses the body and writes it anew for reading. " + useRaw],
  "code.python": ["The signature is that of the body as Python's json.dumps writes it.", "json.dumps puts spaces after , and : and escapes what is not ASCII. Sign the raw body: request.get_data() in Flask, request.body in Django."],
  "code.php": ["The signature is that of the body as PHP's json_encode writes it.", "json_encode escapes / and what is not ASCII. Sign file_get_contents('php://input')."],
  "code.go": ["The signature is that of the body as Go's encoding/json writes it.", "It sorts maps and escapes <, > and &. Sign what io.ReadAll(r.Body) gives."],
  "code.sorted": ["The signature is that of the body with its members sorted by name.", "Your code parses the body and writes it anew. " + useRaw],
  "code.data-only": ["The signature is that of the body's data member alone.", "All of the body is signed, from its first brace to its last."],

  "secret.space": ["There is white space around the secret.", "Take it away where your receiver's configuration keeps the secret; a line end is easily stored with it."],
  "secret.newline": ["The signature was made with a line end after the secret.", "Your receiver's secret has one too many: trim what is read from a file, or write the file with printf instead of echo."],
  "secret.quotes": ["There are quotes, or a name, around the secret.", "They have been copied from a configuration file and are no part of it."],
  "secret.prefix-missing": ["whsec_ is missing before the secret.", "The prefix is a part of the secret: keep it as it was shown."],
  "secret.prefix-cut": ["The signature was made with the secret's text without whsec_.", "x-webhook-signature is keyed with the whole secret, whsec_ included; webhook-signature with what the base64 after it stands for."],
  "secret.decoded": ["The signature was made with the decoded bytes of the secret.", "x-webhook-signature is keyed with the secret's characters as they are shown, whsec_ included. Only webhook-signature is keyed with the decoded bytes."],
  "secret.not-decoded": ["The signature was made with the secret's characters.", "For webhook-signature the key is what follows whsec_, base64-decoded."],
  "secret.url": ["The secret has been changed by an encoding for URLs.", "A form or a URL has changed its + / or =. Copy it again from where it was shown."],
  "secret.base64": ["What you pasted is the base64 of the secret.", "Kubernetes, for one, stores secrets so. Decode it first."],
  "secret.other": ["It was signed with your other secret.", "During a rotation x-webhook-signature is made with the old secret until the overlap ends, x-webhook-signature-next with the new one. Let your receiver accept either until then."],
  "secret.is-api-key": ["This is an API key or a session's token, not a signing secret.", "The secret was shown once, when the webhook was created. If it is lost, rotate it on the webhook's page."],
  "secret.is-id": ["This is an id, not a signing secret.", "The secret was shown once, when the webhook was created. If it is lost, rotate it on the webhook's page."],
  "secret.is-hint": ["This is only the hint at the secret that the console shows.", "The secret itself was shown once, when the webhook was created. If it is lost, rotate it on the webhook's page."],
  "secret.cut": ["What follows whsec_ in the secret is not whole base64.", "Characters are missing, or too many: compare its end with the hint on the webhook's page, and copy it again."],

  "signature.prefix": ["The signature has sha256= or 0x before it.", "We send the digits alone. A receiver that wants the prefix was written for another service: compare without it."],
  "signature.upper-case": ["The signature's digits are in upper case.", "Ours are lower case; as texts the two differ. Make yours lower case before you compare."],
  "signature.separators": ["The signature's digits have characters between them.", "BitConverter.ToString in C# does so. Use Convert.ToHexString and make it lower case."],
  "signature.base64": ["The signature is in base64.", "x-webhook-signature is in lower-case hex: take digest('hex'), hexdigest() or the like."],
  "signature.base64-of-hex": ["The signature is the base64 of its hex digits.", "Leave the base64 away: x-webhook-signature is the hex digits themselves."],
  "signature.hex": ["The signature after v1, is in hex.", "webhook-signature is in base64."],
  "signature.no-version": ["The signature lacks v1, before it.", "webhook-signature holds v1, and the base64 for each signature, separated by spaces."],
  "signature.truncated": ["The signature is cut off.", "What there is of it is right. Paste all 64 hex digits, or all of the base64."],
  "signature.form": ["This is no signature of ours.", "x-webhook-signature is 64 hex digits; webhook-signature is v1, and 44 characters of base64."],
  "signature.sha1": ["The signature was made with SHA-1.", "Use HMAC with SHA-256."],
  "signature.sha512": ["The signature was made with SHA-384 or SHA-512.", "Use HMAC with SHA-256."],
  "signature.no-key": ["The signature is a plain SHA-256, not an HMAC.", "Use your language's HMAC function with the secret as its key."],

  "message.standard": ["The signature is over webhook-id, webhook-timestamp and the body.", "That is how webhook-signature is made; x-webhook-signature is over the body alone."],
  "message.body-only": ["The signature is over the body alone.", "webhook-signature is over webhook-id, a dot, webhook-timestamp, a dot, and the body."],
  "message.timestamped": ["The signature is over the time stamp and the body.", "That is how other services do it. x-webhook-signature is over the body alone; webhook-signature over webhook-id, webhook-timestamp and the body, with dots between."],
  "message.form": ["webhook-timestamp has been written in another way.", "It is sent in whole seconds of Unix time, and signed as it is sent."],
  "message.other-attempt": ["webhook-timestamp and webhook-signature belong to different attempts.", "Each attempt has a time stamp and a signature of its own. Take both from one request."],
  "message.no-id": ["webhook-id and webhook-timestamp are needed as well.", "webhook-signature is made over both and the body. Paste these headers too."],
  "header.next": ["This header is for the new secret of a rotation.", "x-webhook-signature is still made with the old secret until the overlap ends."],
  "rotation.old": ["This header is still made with the old secret of the rotation.", "The secret you gave is the new one. Until the overlap ends your receiver must know the old one too, or read x-webhook-signature-next."],
  "header.misnamed": ["The value belongs to another header.", "x-webhook-signature is 64 hex digits; webhook-signature begins with v1,."],

  "time.old": ["The request's time stamp is more than five minutes old.", "The signature is right. Libraries for Standard Webhooks refuse such requests, so that nobody can send them again. If you copied it from a log, all is well; if your receiver refused it when it came, its clock is wrong, or something held the request up."],
  "time.ahead": ["The request's time stamp is more than five minutes ahead of this computer's clock.", "The signature is right, but one of the clocks is not: compare this computer's, and your receiver's, with a time server."],
  "match.not-ours": ["The signature fits, but this body does not have the form that we send.", "We send JSON without white space, as JSON.stringify writes it. Somebody who knows the secret signed it in this form: your own code or a test, perhaps. It will not fit what we sent."],

  "unknown.secret": ["Perhaps the secret is another webhook's, or an older one.", "Each webhook has its own. Compare its last four characters with the hint on the webhook's page; give the one from before a rotation as the other secret."],
  "unknown.request": ["Perhaps the body and the signature are not of the same request.", "Open the delivery in the webhook's log and compare the body. If a text in it has been changed by hand or shortened, it cannot fit."],
  "unknown.forged": ["If neither is so, the request is not from us.", "Answer it with 401."],

  "nothing.body": ["Paste the request's body.", "As it was received: every character counts."],
  "nothing.signature": ["Paste a signature.", "The value of x-webhook-signature, or all headers of the request."],
  "nothing.secret": ["Paste the webhook's secret.", "It stays in this page: nothing is sent or stored."],
  "nothing.crypto": ["This browser offers no cryptography here.", "It does so only on pages that come over https. Open the console with https."],
} as const satisfies Record<string, readonly [string, string]>;

export const everyCode = Object.keys(sentences) as Code[];
