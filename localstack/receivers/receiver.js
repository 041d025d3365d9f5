'use strict';

// A partner's server: https on localhost with the guide's handler under /<name>/webhook/cr3dentials, and a control port
// (http, loopback) through which a test names the partners' secrets and reads what arrived.
// usage: node receiver.js express|express4 HTTPS_PORT CONTROL_PORT CERT_FILE KEY_FILE

const fs = require('node:fs');
const http = require('node:http');
const https = require('node:https');
const { Partner } = require('./guide');

const [flavour, port, controlPort, certFile, keyFile] = process.argv.slice(2);
const express = require(flavour);
const version = require(`${flavour}/package.json`).version;
const partners = new Map();

const app = express();
app.use(express.json());
app.post('/:name/webhook/cr3dentials', (req, res, next) => {
  const partner = partners.get(req.params.name);
  if (!partner) {
    return next();
  }
  return partner.handle(req, res);
});

const control = express();
control.use(express.json());
control.get('/ready', (req, res) => res.json({ express: version }));
control.put('/partners/:name', (req, res) => {
  partners.set(req.params.name, new Partner(req.body.secret));
  res.json({});
});
control.get('/partners/:name', (req, res) => {
  const partner = partners.get(req.params.name);
  if (!partner) {
    return res.status(404).json({});
  }
  const { statuses, notifications, requests } = partner;
  return res.json({ statuses, notifications, requests });
});

const servers = [
  https.createServer({ cert: fs.readFileSync(certFile), key: fs.readFileSync(keyFile) }, app).listen(port, '127.0.0.1'),
  http.createServer(control).listen(controlPort, '127.0.0.1'),
];
process.on('SIGTERM', () => {
  for (const server of servers) {
    server.close();
    server.closeAllConnections();
  }
});
