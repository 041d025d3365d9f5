package local

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"os"
	"time"
)

// CA is the certificate authority of the local stage. The functions there trust it and nothing else; it signs
// certificates for localhost.
type CA struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

// EnsureCA loads the CA of a state folder, or makes it there, with a certificate for localhost beside it.
func EnsureCA(d Dir) (*CA, error) {
	ca, err := LoadCA(d.File(CACertFile), d.File(CAKeyFile))
	if err != nil {
		if ca, err = makeCA(d); err != nil {
			return nil, err
		}
	}
	if pair, err := tls.LoadX509KeyPair(d.File(CertFile), d.File(CertKeyFile)); err == nil {
		leaf, err := x509.ParseCertificate(pair.Certificate[0])
		if err == nil && leaf.CheckSignatureFrom(ca.cert) == nil && time.Until(leaf.NotAfter) > 30*24*time.Hour {
			return ca, nil
		}
	}
	cert, key, err := ca.Issue("localhost")
	if err != nil {
		return nil, err
	}
	if err := os.WriteFile(d.File(CertKeyFile), key, 0o600); err != nil {
		return nil, err
	}
	return ca, os.WriteFile(d.File(CertFile), cert, 0o644)
}

// LoadCA reads a CA from two PEM files.
func LoadCA(certFile, keyFile string) (*CA, error) {
	pair, err := tls.LoadX509KeyPair(certFile, keyFile)
	if err != nil {
		return nil, err
	}
	cert, err := x509.ParseCertificate(pair.Certificate[0])
	if err != nil {
		return nil, err
	}
	key, ok := pair.PrivateKey.(*ecdsa.PrivateKey)
	if !ok || !cert.IsCA || time.Now().After(cert.NotAfter) {
		return nil, fmt.Errorf("%s: not a valid CA of ours", certFile)
	}
	return &CA{cert, key}, nil
}

func makeCA(d Dir) (*CA, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	tmpl := certTemplate("Verification webhooks, local CA", 10*365*24*time.Hour)
	tmpl.IsCA, tmpl.BasicConstraintsValid = true, true
	tmpl.KeyUsage = x509.KeyUsageCertSign | x509.KeyUsageCRLSign
	der, err := x509.CreateCertificate(rand.Reader, tmpl, tmpl, &key.PublicKey, key)
	if err != nil {
		return nil, err
	}
	keyPEM, err := encodeKey(key)
	if err != nil {
		return nil, err
	}
	if err := os.WriteFile(d.File(CAKeyFile), keyPEM, 0o600); err != nil {
		return nil, err
	}
	if err := os.WriteFile(d.File(CACertFile), encodeCert(der), 0o644); err != nil {
		return nil, err
	}
	return LoadCA(d.File(CACertFile), d.File(CAKeyFile))
}

// Issue makes a server certificate for a DNS name and for the loopback addresses, as two PEM blocks.
func (ca *CA) Issue(name string) (certPEM, keyPEM []byte, err error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, nil, err
	}
	tmpl := certTemplate(name, 365*24*time.Hour)
	tmpl.DNSNames = []string{name}
	tmpl.IPAddresses = []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback}
	tmpl.KeyUsage = x509.KeyUsageDigitalSignature
	tmpl.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, ca.cert, &key.PublicKey, ca.key)
	if err != nil {
		return nil, nil, err
	}
	keyPEM, err = encodeKey(key)
	return encodeCert(der), keyPEM, err
}

// ServerTLS is a server configuration with a fresh certificate for localhost.
func (ca *CA) ServerTLS() (*tls.Config, error) {
	cert, key, err := ca.Issue("localhost")
	if err != nil {
		return nil, err
	}
	pair, err := tls.X509KeyPair(cert, key)
	if err != nil {
		return nil, err
	}
	return &tls.Config{Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS12}, nil
}

func certTemplate(name string, life time.Duration) *x509.Certificate {
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
	if err != nil {
		panic(err) // crypto/rand does not fail
	}
	now := time.Now()
	return &x509.Certificate{
		SerialNumber: serial, Subject: pkix.Name{CommonName: name},
		NotBefore: now.Add(-time.Hour), NotAfter: now.Add(life),
	}
}

func encodeCert(der []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
}

func encodeKey(key *ecdsa.PrivateKey) ([]byte, error) {
	der, err := x509.MarshalPKCS8PrivateKey(key)
	return pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), err
}
