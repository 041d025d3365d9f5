package local

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"net/http"
	"os"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/credentials"
)

// AWS is the configuration of SDK clients for the local stage: test/test at the emulator, and nothing from the
// environment or the profile of whoever runs it.
func AWS(endpoint string) aws.Config {
	return aws.Config{Region: Region, BaseEndpoint: aws.String(endpoint), Credentials: Credentials()}
}

// SecureAWS is AWS over TLS if the copy has that, for the services whose policies demand it.
func SecureAWS(r Run) (aws.Config, error) {
	if r.SecureEndpoint == "" {
		return AWS(r.AWSEndpoint), nil
	}
	pem, err := os.ReadFile(r.CACert)
	if err != nil {
		return aws.Config{}, err
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(pem)
	cfg := AWS(r.SecureEndpoint)
	cfg.HTTPClient = awshttp.NewBuildableClient().WithTransportOptions(func(t *http.Transport) {
		t.TLSClientConfig = &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}
	})
	return cfg, nil
}

// AccessKey is that of Credentials.
const AccessKey = "test"

// Credentials are those that every local emulator takes.
func Credentials() aws.CredentialsProvider {
	return credentials.NewStaticCredentialsProvider(AccessKey, "test", "")
}

// Admin is a client of the admin API of the local stage.
func Admin(r Run) Client {
	return Client{Base: r.AdminURL, Sign: Credentials(), Region: Region}
}

// NewPartner makes a partner and an API key for it.
func NewPartner(ctx context.Context, admin Client, name string) (partnerID, apiKey string, err error) {
	var partner struct{ ID string }
	if err := admin.Call(ctx, "POST", "/admin/partners", map[string]string{"name": name}, &partner); err != nil {
		return "", "", err
	}
	var key struct{ Key string }
	err = admin.Call(ctx, "POST", "/admin/partners/"+partner.ID+"/api-keys", map[string]string{"name": name}, &key)
	return partner.ID, key.Key, err
}
