// The running copy as a partner, a verification system and an operator see it. E2E_STATE names its run.json.
import { createHmac, randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:https';
import { dirname, join, resolve } from 'node:path';

if (!process.env.E2E_STATE) {
  throw new Error('E2E_STATE does not name the run.json of a running copy; `make browser` and `make test` set it');
}
const file = resolve(process.env.E2E_STATE);
export const state = dirname(file);
export const run = JSON.parse(readFileSync(file, 'utf8'));

async function call(base, method, path, body, headers = {}) {
  const response = await fetch(base + path, {
    method,
    headers: { ...(body === undefined ? {} : { 'content-type': 'application/json' }), ...headers },
    body: body === undefined ? undefined : JSON.stringify(body),
    signal: AbortSignal.timeout(40_000),
  });
  const text = await response.text();
  if (!response.ok) {
    throw new Error(`${method} ${path}: ${response.status} ${text}`);
  }
  return text === '' ? undefined : JSON.parse(text);
}

const admin = (method, path, body) => call(run.adminUrl, method, path, body);

/** Partner is a partner of one test's own, so that tests do not see each other. */
export class Partner {
  constructor(id, key) {
    this.id = id;
    this.key = key;
  }

  static async create(name) {
    const { id } = await admin('POST', '/admin/partners', { name });
    const { key } = await admin('POST', `/admin/partners/${id}/api-keys`, { name });
    return new Partner(id, key);
  }

  /** newKey makes another API key. */
  async newKey() {
    return admin('POST', `/admin/partners/${this.id}/api-keys`, {});
  }

  async deleteKey(keyId) {
    await admin('DELETE', `/admin/partners/${this.id}/api-keys/${keyId}`);
  }

  /** session makes a portal session: its token and the link that opens the console with it. */
  async session(seconds = 3600) {
    return admin('POST', `/admin/partners/${this.id}/portal-sessions`, { expiresInSeconds: seconds });
  }

  /** api calls the portal API as this partner. */
  async api(method, path, body) {
    return call(run.apiUrl, method, path, body, { authorization: `Bearer ${this.key}` });
  }

  webhooks() {
    return this.api('GET', '/v1/webhooks').then((list) => list.items);
  }

  webhook(id) {
    return this.api('GET', `/v1/webhooks/${id}`);
  }

  /** hook makes a webhook for an endpoint, which from then on checks its signatures. */
  async hook(endpoint, more = {}) {
    const made = await this.api('POST', '/v1/webhooks', { url: endpoint.url, ...more });
    endpoint.secrets.push(made.secret);
    return made;
  }

  /** record writes a verification record as a verification system does; status is a list for one that changes. */
  async record(status = 'VERIFIED', verificationId = newID(), more = {}) {
    for (const s of [status].flat()) {
      await putRecord({ ...guideRecord(verificationId, this.id, s), ...more });
    }
    return verificationId;
  }
}

let ids = 0;
export const newID = () => `ver_${process.pid}_${Date.now()}_${(ids += 1)}`;

const text = (s) => ({ S: s });
const number = (n) => ({ N: String(n) });
export const map = (m) => ({ M: m });

/** guideRecord is the partner guide's example as it stands in the table. */
function guideRecord(verificationId, partnerId, status) {
  return {
    verificationId: text(verificationId),
    partnerId: text(partnerId),
    status: text(status),
    sessionId: number(123),
    stepId: number(456),
    proofData: map({
      income: map({ monthlyAmount: number(5000), verified: { BOOL: true }, source: text('chase-bank') }),
    }),
    formattedData: map({ incomeVerified: { BOOL: true }, verificationScore: number(95) }),
    metadata: map({
      dataSource: text('chase-bank'), processingTimeMs: number(15000), verifiedAt: text('2024-01-15T14:30:00Z'),
    }),
  };
}

async function putRecord(item) {
  const response = await fetch(run.awsEndpoint, {
    method: 'POST',
    headers: {
      'content-type': 'application/x-amz-json-1.0',
      'x-amz-target': 'DynamoDB_20120810.PutItem',
      // The emulators look at nothing in it but the region and the service.
      authorization: `AWS4-HMAC-SHA256 Credential=test/20260101/${run.region}/dynamodb/aws4_request, ` +
        'SignedHeaders=host, Signature=0',
    },
    body: JSON.stringify({ TableName: run.verificationsTable, Item: item }),
  });
  if (!response.ok) {
    throw new Error(`PutItem: ${response.status} ${await response.text()}`);
  }
}

/** listen gives a server a free one of the ports that local.Ports keeps for tests. */
export async function listen(server) {
  const first = Number(new URL(run.receiverUrl).port) + 9;
  for (let port = first; port < first + 40; port += 1) {
    try {
      await new Promise((done, failed) => {
        server.once('error', failed).listen(port, '127.0.0.1', done);
      });
      return port;
    } catch (error) {
      if (error.code !== 'EADDRINUSE') {
        throw error;
      }
    }
  }
  throw new Error(`all ports from ${first} to ${first + 39} are taken`);
}

export async function close(server) {
  server.closeAllConnections();
  await new Promise((done) => { server.close(done); });
}

/**
 * Endpoint is a partner's https server on localhost that a test tells how to answer, and asks what arrived. Each request
 * must carry the signatures of one of `secrets`, once there are some.
 */
export class Endpoint {
  requests = [];
  secrets = [];
  problems = [];
  reply = { status: 200, headers: { 'content-type': 'application/json' }, body: '{"received":true}' };

  // The path is of its own, because retries for a port's earlier user may still come.
  static async start(path = `/webhook/${randomBytes(4).toString('hex')}`) {
    const e = new Endpoint();
    const tls = { cert: readFileSync(join(state, 'localhost.pem')), key: readFileSync(join(state, 'localhost-key.pem')) };
    e.server = createServer(tls, (request, response) => e.serve(request, response));
    e.url = `https://localhost:${await listen(e.server)}${path}`;
    return e;
  }

  /** answers says how every request from now on is answered; `after` in milliseconds. */
  answers(status, { body = '{"answer":"scripted"}', headers = {}, after = 0 } = {}) {
    this.reply = { status, body, headers: { 'content-type': 'application/json', ...headers }, after };
  }

  serve(request, response) {
    if (!this.url.endsWith(request.url)) {
      response.writeHead(404).end();
      return;
    }
    const chunks = [];
    request.on('data', (chunk) => chunks.push(chunk));
    request.on('end', () => {
      const body = Buffer.concat(chunks);
      this.requests.push({ at: new Date(), headers: request.headers, body: body.toString() });
      if (this.secrets.length > 0 && !this.secrets.some((s) => verifies(request.headers, body, s))) {
        this.problems.push(`a request's signatures do not verify: ${body}`);
      }
      const { status, body: answer, headers, after } = this.reply;
      setTimeout(() => response.writeHead(status, headers).end(answer), after).unref();
    });
  }

  /** of lists the requests about a verification. */
  of(verificationId) {
    return this.requests.filter((r) => JSON.parse(r.body).data?.verificationId === verificationId);
  }

  stop() {
    return close(this.server);
  }
}

/** verifies checks both signature schemes, not with the product's code. */
function verifies(headers, body, secret) {
  const hex = createHmac('sha256', secret).update(body).digest('hex');
  const key = secret.startsWith('whsec_') ? Buffer.from(secret.slice(6), 'base64') : secret;
  const base64 = createHmac('sha256', key)
    .update(`${headers['webhook-id']}.${headers['webhook-timestamp']}.`).update(body).digest('base64');
  return [headers['x-webhook-signature'], headers['x-webhook-signature-next']].includes(hex) &&
    String(headers['webhook-signature']).split(' ').includes(`v1,${base64}`);
}

/** until polls until a condition gives something true, and returns that. */
export async function until(what, condition, most = 15_000) {
  const end = Date.now() + most;
  for (;;) {
    const value = await condition();
    if (value) {
      return value;
    }
    if (Date.now() > end) {
      throw new Error(`not within ${most / 1000} s: ${what}`);
    }
    await new Promise((done) => { setTimeout(done, 50); });
  }
}
