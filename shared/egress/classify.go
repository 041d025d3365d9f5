package egress

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"syscall"

	"github.com/cr3dentials/verification-webhooks/shared/webhook"
)

// failure is an outcome as partners see it. Messages are fixed texts: an error of the network may name an address.
type failure struct {
	code    webhook.ErrorCode
	message string
}

// classifyStatus returns nil for a success.
func classifyStatus(status int) *failure {
	switch {
	case webhook.Success(status):
		return nil
	case status >= 300 && status <= 399:
		return &failure{webhook.ErrHTTPStatus,
			fmt.Sprintf("The endpoint answered with status %03d; redirects are not followed.", status)}
	}
	return &failure{webhook.ErrHTTPStatus, fmt.Sprintf("The endpoint answered with status %03d.", status)}
}

// classify turns the error of an attempt without an answer into what a partner may know. ctx is the caller's.
func classify(ctx context.Context, err error) *failure {
	if ctx.Err() != nil {
		return &failure{webhook.ErrInterrupted, "The sender was interrupted before the endpoint answered."}
	}
	if errors.Is(err, errNoTurn) {
		return &failure{webhook.ErrInterrupted, "The sender had too many requests under way; nothing was sent."}
	}
	if exhausted(err) {
		return &failure{webhook.ErrInterrupted, "The sender had too many connections open; nothing was sent."}
	}
	var dial *dialError
	if errors.As(err, &dial) {
		f := classifyDial(dial)
		return &f
	}
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded):
		return &failure{webhook.ErrTimeout, "The endpoint did not answer within 10 seconds."}
	case closed(err):
		return &failure{webhook.ErrConnectionReset, "The endpoint closed the connection before it answered."}
	case ticketFault(err):
		return &failure{webhook.ErrTLS, "The endpoint sent a TLS session ticket that is not valid."}
	case alerted(err):
		// With TLS 1.3 an endpoint that asks for a certificate says only now that it got none.
		return &failure{webhook.ErrTLS, "The endpoint broke off the TLS connection before it answered."}
	}
	return &failure{webhook.ErrProtocol, "The endpoint's answer is not valid HTTP/1.1, or its header is too large."}
}

// alerted tells whether one side ended the connection with an alert of TLS.
func alerted(err error) bool {
	var alert *net.OpError
	return errors.As(err, &alert) && (alert.Op == "remote error" || alert.Op == "local error")
}

// exhausted tells whether this process or its machine has no descriptor left for a connection.
func exhausted(err error) bool {
	var dns *net.DNSError // keeps the text alone
	return errors.Is(err, syscall.EMFILE) || errors.Is(err, syscall.ENFILE) || errors.As(err, &dns) &&
		(strings.Contains(dns.Err, syscall.EMFILE.Error()) || strings.Contains(dns.Err, syscall.ENFILE.Error()))
}

// late tells whether connecting took too long.
func late(err error) bool {
	var dial *dialError
	var timeout net.Error
	return errors.As(err, &dial) &&
		(errors.Is(dial.err, context.DeadlineExceeded) || errors.As(dial.err, &timeout) && timeout.Timeout())
}

func classifyDial(e *dialError) failure {
	switch {
	case e.stage == stageDNS:
		return failure{webhook.ErrDNS, "The host's name could not be resolved."}
	case e.stage == stageGuard, errors.Is(e.err, errForbidden):
		return failure{webhook.ErrBlockedAddress, "The host's name resolves to an address that is not public."}
	case late(e):
		return failure{webhook.ErrConnectTimeout, "No secure connection could be made within 5 seconds."}
	case e.stage == stageTLS:
		return classifyTLS(e.err)
	case errors.Is(e.err, syscall.ECONNREFUSED):
		return failure{webhook.ErrConnectionRefused, "The endpoint refused the connection."}
	case closed(e.err):
		return failure{webhook.ErrConnectionReset, "The endpoint reset the connection."}
	}
	return failure{webhook.ErrConnectionRefused, "The endpoint's host could not be reached."}
}

func classifyTLS(err error) failure {
	var (
		invalid   x509.CertificateInvalidError
		wrongName x509.HostnameError
		unknown   x509.UnknownAuthorityError
		verify    *tls.CertificateVerificationError
		noTLS     tls.RecordHeaderError
	)
	switch {
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		return failure{webhook.ErrTLS, "The endpoint's certificate has expired or is not valid yet."}
	case errors.As(err, &wrongName):
		return failure{webhook.ErrTLS, "The endpoint's certificate is for another host."}
	case errors.As(err, &unknown):
		return failure{webhook.ErrTLS, "The endpoint's certificate is not signed by a known authority; " +
			"its chain may be incomplete."}
	case errors.As(err, &verify):
		return failure{webhook.ErrTLS, "The endpoint's certificate could not be verified."}
	case errors.As(err, &noTLS):
		return failure{webhook.ErrTLS, "The endpoint does not speak TLS on this port."}
	case closed(err):
		return failure{webhook.ErrConnectionReset, "The endpoint closed the connection during the TLS handshake."}
	case errors.Is(err, errHandshake):
		return failure{webhook.ErrTLS, "The endpoint's chain of certificates is too large."}
	case strings.Contains(err.Error(), "no application protocol"): // the alert's type is not exported
		return failure{webhook.ErrTLS, "The endpoint does not offer HTTP/1.1."}
	}
	return failure{webhook.ErrTLS, "The TLS handshake failed; TLS 1.2 or later is required."}
}

// closed tells whether the other side ended the connection.
func closed(err error) bool {
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) ||
		errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE)
}
