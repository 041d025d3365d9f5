package portal

import (
	"crypto/sha256"
	"crypto/subtle"
	"net/http"
	"strings"

	"github.com/cr3dentials/verification-webhooks/shared/webhook"
)

// errUnauthenticated is the same for a missing, malformed, unknown, wrong, revoked and expired credential.
var errUnauthenticated = webhook.Errorf(webhook.Unauthenticated, "A valid API key or portal session is needed: Authorization: Bearer <key>.")

// admit authenticates a partner and counts the request. The partner comes from the credential and from nowhere else.
func (p *portal) admit(r *http.Request, c *call) error {
	text, ok := bearer(r)
	if !ok {
		return errUnauthenticated
	}
	id, kind, ok := parseCredential(text)
	if !ok {
		return errUnauthenticated
	}
	ctx, now := r.Context(), p.cfg.Now()
	cred, err := p.cfg.Store.Credential(ctx, id)
	if err != nil && webhook.CodeOf(err) != webhook.NotFound {
		return err
	}
	// An unknown id is compared with the zero hash, so that it takes the same way as a wrong secret.
	hash := sha256.Sum256([]byte(text))
	if subtle.ConstantTimeCompare(hash[:], cred.SecretHash[:]) != 1 || err != nil || cred.Kind != kind {
		return errUnauthenticated
	}
	if !cred.ExpiresAt.IsZero() && !now.Before(cred.ExpiresAt) {
		return errUnauthenticated
	}
	partner, err := p.cfg.Store.Partner(ctx, cred.PartnerID)
	if webhook.CodeOf(err) == webhook.NotFound {
		return errUnauthenticated
	}
	if err != nil {
		return err
	}
	c.partnerID, c.keyID = partner.ID, cred.ID
	if kind == webhook.PortalSession && !partner.SessionsEndedAt.IsZero() && !cred.CreatedAt.After(partner.SessionsEndedAt) {
		return errUnauthenticated
	}
	if partner.Suspended {
		return webhook.Errorf(webhook.Forbidden, "This account is suspended.")
	}
	n, err := p.cfg.Store.CountRequest(ctx, partner.ID, now)
	if err != nil {
		return err
	}
	if n > webhook.MaxRequestsPerSec {
		return webhook.Errorf(webhook.RateLimited, "More than %d requests in one second.", webhook.MaxRequestsPerSec)
	}
	return nil
}

// bearer returns the token of the one Authorization header.
func bearer(r *http.Request) (string, bool) {
	values := r.Header.Values("Authorization")
	if len(values) != 1 {
		return "", false
	}
	scheme, token, ok := strings.Cut(values[0], " ")
	if !ok || !strings.EqualFold(scheme, "Bearer") {
		return "", false
	}
	return token, true
}
