'use strict';

// A partner's server that only says whether a request verifies: 200 or 401. It prints its port and ends when its standard
// input does, that is, with whoever started it. POST /webhook/N is checked with the Nth secret.
// usage: node verifier.js FLAVOUR SECRET...

const crypto = require('node:crypto');
const http = require('node:http');
const { Partner, verifyWebhookSignature } = require('./guide');

const [flavour, ...secrets] = process.argv.slice(2);

// The partner guide's handler, signature check and duplicate check, on the named version of Express.
function guide(name) {
  const express = require(name);
  const partners = secrets.map(secret => new Partner(secret));
  const app = express();
  app.use(express.json());
  app.post('/webhook/:n', (req, res) => {
    const partner = partners[req.params.n];
    partner.requests.length = 0;
    partner.handle(req, res);
  });
  return http.createServer(app);
}

// The lines of our own README for Node, on Express 5.
function readme() {
  const express = require('express');
  const app = express();
  app.use(express.json());
  app.post('/webhook/:n', (req, res) => {
    const secret = secrets[req.params.n];
    const mac = Buffer.from(crypto.createHmac('sha256', secret).update(JSON.stringify(req.body)).digest('hex'));
    const got = Buffer.from(String(req.headers['x-webhook-signature'] ?? ''));
    const ok = mac.length === got.length && crypto.timingSafeEqual(mac, got);
    res.status(ok ? 200 : 401).end();
  });
  return http.createServer(app);
}

// The partner guide's signature check on what Fastify has parsed.
function fastify(options) {
  const app = require('fastify')(options);
  app.post('/webhook/:n', async (request, reply) => {
    const ok = verifyWebhookSignature(request.body, request.headers['x-webhook-signature'], secrets[request.params.n]);
    return reply.code(ok ? 200 : 401).send();
  });
  return app;
}

// The Standard Webhooks library, on the raw body.
function standard() {
  const { Webhook, WebhookVerificationError } = require('standardwebhooks');
  const hooks = secrets.map(secret => new Webhook(secret));
  return http.createServer((req, res) => {
    const chunks = [];
    req.on('data', chunk => chunks.push(chunk)).on('end', () => {
      try {
        hooks[req.url.split('/').pop()].verify(Buffer.concat(chunks), req.headers);
        res.statusCode = 200;
      } catch (error) {
        if (!(error instanceof WebhookVerificationError)) throw error;
        res.statusCode = 401;
      }
      res.end();
    });
  });
}

function ready(server) {
  console.log(server.address().port);
  process.stdin.resume().on('end', () => process.exit());
}

const flavours = {
  express4: () => guide('express4'),
  express5: () => guide('express'),
  readme,
  // Bodies have members named __proto__ and constructor when the record has them; by default Fastify answers 400.
  fastify: () => fastify({ onProtoPoisoning: 'ignore', onConstructorPoisoning: 'ignore' }),
  'fastify-default': () => fastify({}),
  standard,
};

const app = flavours[flavour]();
if (app instanceof http.Server) {
  app.listen(0, '127.0.0.1', () => ready(app));
} else {
  app.listen({ port: 0, host: '127.0.0.1' }).then(() => ready(app.server));
}
