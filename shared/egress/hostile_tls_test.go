package egress

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"math/big"
	"strings"
	"time"
)

// The names of the server's TLS configurations.
const (
	noTLS         = "none"
	validTLS      = ""
	expired       = "expired"
	notYetValid   = "not yet valid"
	otherHost     = "other host"
	selfSigned    = "self-signed"
	unknownCA     = "unknown authority"
	incomplete    = "no intermediate certificate"
	tls10         = "TLS 1.0"
	tls11         = "TLS 1.1"
	asksForCert   = "asks for a certificate"
	otherProtocol = "only another protocol"
	longChain     = "a chain of 200 kB"
	refusesName   = "refuses the name"
	wildcardAbove = "a wildcard for the parent"
)

// hostileTLS makes the server's TLS configurations, by name.
func hostileTLS(a ca) (map[string]*tls.Config, error) {
	hour := time.Hour
	now := time.Now()
	leaf := func(change func(*x509.Certificate)) (*x509.Certificate, *ecdsa.PrivateKey, error) {
		key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		c := &x509.Certificate{
			SerialNumber: big.NewInt(2), DNSNames: []string{testHost}, NotBefore: now.Add(-2 * hour), NotAfter: now.Add(hour),
			ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		}
		change(c)
		return c, key, err
	}
	foreign, foreignKey, err := leaf(asAuthority("foreign authority"))
	if err != nil {
		return nil, err
	}
	middle, middleKey, err := leaf(asAuthority("intermediate authority"))
	if err != nil {
		return nil, err
	}
	same := func(*x509.Certificate) {}
	configs := map[string]*tls.Config{}
	for name, m := range map[string]struct {
		change func(*x509.Certificate)
		issuer *x509.Certificate // nil for none
		key    *ecdsa.PrivateKey
		config func(*tls.Config)
	}{
		validTLS:      {same, a.certificate, a.key, nil},
		expired:       {func(c *x509.Certificate) { c.NotAfter = now.Add(-hour) }, a.certificate, a.key, nil},
		notYetValid:   {func(c *x509.Certificate) { c.NotBefore = now.Add(hour / 2) }, a.certificate, a.key, nil},
		otherHost:     {func(c *x509.Certificate) { c.DNSNames = []string{"other.example.com"} }, a.certificate, a.key, nil},
		wildcardAbove: {func(c *x509.Certificate) { c.DNSNames = []string{"*.com"} }, a.certificate, a.key, nil},
		selfSigned:    {same, nil, nil, nil},
		unknownCA:     {same, foreign, foreignKey, nil},
		incomplete:    {same, middle, middleKey, nil},
		tls10:         {same, a.certificate, a.key, func(c *tls.Config) { c.MinVersion, c.MaxVersion = tls.VersionTLS10, tls.VersionTLS10 }},
		tls11:         {same, a.certificate, a.key, func(c *tls.Config) { c.MinVersion, c.MaxVersion = tls.VersionTLS11, tls.VersionTLS11 }},
		asksForCert:   {same, a.certificate, a.key, func(c *tls.Config) { c.ClientAuth = tls.RequireAnyClientCert }},
		otherProtocol: {same, a.certificate, a.key, func(c *tls.Config) { c.NextProtos = []string{"acme-tls/1"} }},
		refusesName:   {same, a.certificate, a.key, func(c *tls.Config) { c.Certificates = nil }},
		longChain: {same, a.certificate, a.key, func(c *tls.Config) {
			for chain := &c.Certificates[0].Certificate; len(*chain) < 400; {
				*chain = append(*chain, a.certificate.Raw)
			}
		}},
	} {
		c, key, err := leaf(m.change)
		if err != nil {
			return nil, err
		}
		if m.issuer == nil {
			m.issuer, m.key = c, key
		}
		der, err := x509.CreateCertificate(rand.Reader, c, m.issuer, key.Public(), m.key)
		if err != nil {
			return nil, err
		}
		config := &tls.Config{
			MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}},
		}
		if m.config != nil {
			m.config(config)
		}
		configs[name] = config
	}
	return configs, nil
}

func asAuthority(name string) func(*x509.Certificate) {
	return func(c *x509.Certificate) {
		c.Subject, c.IsCA, c.BasicConstraintsValid = pkix.Name{CommonName: name}, true, true
		c.DNSNames, c.KeyUsage, c.ExtKeyUsage = nil, x509.KeyUsageCertSign, nil
	}
}

// connectRows are endpoints that do not come as far as HTTP.
func connectRows() []row {
	clientHello := func(p *peer) { _, _ = p.Read(make([]byte, 4096)) }
	tlsSays := func(text string, f func(*peer)) func(*peer) {
		return func(p *peer) {
			clientHello(p)
			_, _ = p.Write([]byte(text))
			f(p)
		}
	}
	end := func(*peer) {}
	hold := (*peer).hold
	rows := []row{
		{name: "refused", code: "connection_refused"},
		{name: "reset on accept", tls: noTLS, speak: (*peer).reset, code: "connection_reset"},
		{name: "end on accept", tls: noTLS, speak: end, code: "connection_reset"},
		{name: "reset during TLS", tls: noTLS, speak: tlsSays("\x16\x03\x03\x00\x7a\x02", (*peer).reset), code: "connection_reset"},
		{name: "end during TLS", tls: noTLS, speak: tlsSays("\x16\x03\x03\x00\x7a\x02", end), code: "connection_reset"},
		{name: "silence instead of TLS", tls: noTLS, speak: hold, code: "connect_timeout", after: connecting},
		{name: "TLS that drips", tls: noTLS, speak: func(p *peer) {
			for _, b := range []byte("\x16\x03\x03\x00\xff" + strings.Repeat("\x02", 400)) {
				if _, err := p.Write([]byte{b}); err != nil {
					return
				}
				time.Sleep(20 * time.Millisecond)
			}
		}, code: "connect_timeout", after: connecting},
		{name: "a TLS record that is too large", tls: noTLS, speak: tlsSays("\x16\x03\x03\xff\xff"+strings.Repeat("x", 1<<17), hold), code: "tls_error"},
		{name: "a TLS message of 16 MB", tls: noTLS, speak: tlsSays("\x16\x03\x03\x40\x00\x02\xff\xff\xff"+strings.Repeat("x", 1<<14-4), hold), code: "tls_error"},
		{name: "random bytes for TLS", tls: noTLS, speak: tlsSays(strings.Repeat("\x8f\x00\xe1", 5000), hold), code: "tls_error", text: "does not speak TLS"},
		{name: "plain HTTP", tls: noTLS, speak: tlsSays("HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n", end), code: "tls_error", text: "does not speak TLS"},
		{name: "SSH", tls: noTLS, speak: func(p *peer) { _, _ = p.Write([]byte("SSH-2.0-OpenSSH_9.6\r\n")); p.hold() }, code: "tls_error"},
	}
	for name, text := range map[string]string{
		expired: "expired or is not valid yet", notYetValid: "expired or is not valid yet", otherHost: "another host",
		wildcardAbove: "another host", selfSigned: "known authority", unknownCA: "known authority", incomplete: "chain may be incomplete",
		tls10: "TLS 1.2 or later", tls11: "TLS 1.2 or later", otherProtocol: "does not offer HTTP/1.1", refusesName: "handshake failed",
		asksForCert: "broke off the TLS connection", longChain: "certificates is too large",
	} {
		rows = append(rows, row{name: "TLS: " + name, tls: name, speak: says("HTTP/1.1 200 OK\r\n\r\n"), code: "tls_error", text: text})
	}
	return rows
}
