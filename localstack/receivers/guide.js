'use strict';

// The partner guide's handler: what partners run today. Its functions keep the guide's names and do what the guide's do;
// the "database" and the notifications are records that a test or a person can look at.

const crypto = require('node:crypto');

function verifyWebhookSignature(payload, signature, secret) {
  const hmac = crypto.createHmac('sha256', secret);
  const calculatedSignature = hmac.update(JSON.stringify(payload)).digest('hex');
  return crypto.timingSafeEqual(Buffer.from(signature), Buffer.from(calculatedSignature));
}

// One partner's application: its secret, and the effects that the handler has had.
class Partner {
  constructor(secret) {
    this.secret = secret;
    this.statuses = {}; // sessionId -> status
    this.notifications = []; // {kind, sessionId}
    this.processedWebhooks = new Set();
    this.requests = []; // {at, headers, body, text, verified, duplicate, status}
  }

  updateUserVerificationStatus(sessionId, status) {
    this.statuses[sessionId] = status;
  }

  sendSuccessNotification(sessionId) {
    this.notifications.push({ kind: 'success', sessionId });
  }

  sendFailureNotification(sessionId) {
    this.notifications.push({ kind: 'failure', sessionId });
  }

  handleVerificationCompleted(data) {
    this.updateUserVerificationStatus(data.sessionId, data.status);
    if (data.status === 'VERIFIED') {
      this.sendSuccessNotification(data.sessionId);
    } else {
      this.sendFailureNotification(data.sessionId);
    }
  }

  // The guide's route handler with its signature check, its duplicate check and its own body, in this order.
  handle(req, res) {
    const seen = { at: Date.now(), headers: req.headers, body: req.body, text: JSON.stringify(req.body), verified: false, duplicate: false };
    this.requests.push(seen);
    res.on('finish', () => { seen.status = res.statusCode; });

    const signature = req.headers['x-webhook-signature'];
    const isValid = verifyWebhookSignature(req.body, signature, this.secret);
    if (!isValid) {
      return res.status(401).json({ error: 'Invalid signature' });
    }
    seen.verified = true;

    const webhookId = req.body.data.verificationId;
    if (this.processedWebhooks.has(webhookId)) {
      seen.duplicate = true;
      return res.status(200).json({ message: 'Already processed' });
    }
    try {
      const webhook = req.body;
      if (webhook.type === 'verification.completed') {
        this.handleVerificationCompleted(webhook.data);
      }
      this.processedWebhooks.add(webhookId);
      return res.status(200).json({ received: true });
    } catch (error) {
      return res.status(500).json({ error: 'Processing failed' });
    }
  }
}

module.exports = { Partner, verifyWebhookSignature };
