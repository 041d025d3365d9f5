package stub

import (
	"crypto/rand"
	"encoding/base64"
	"slices"
	"strings"
	"sync"
)

// keys are the data keys that were made, by what they are wrapped as. Every key to wrap them exists.
type keys struct {
	mu   sync.Mutex
	made map[string]dataKey
}

// dataKey is a data key, its parts in base64. Context is the encryption context that it is bound to.
type dataKey struct{ keyID, plain, context string }

const keyBytes = 32

func randomText() string {
	b := make([]byte, keyBytes)
	_, _ = rand.Read(b) // it never fails
	return base64.StdEncoding.EncodeToString(b)
}

// context returns an encryption context in one form.
func context(object string) string {
	var all []string
	for k, v := range members(object) {
		all = append(all, string(appendQuoted(nil, k))+":"+string(appendQuoted(nil, unquote(v))))
	}
	slices.Sort(all)
	return strings.Join(all, ",")
}

func kmsFailure(kind, message string) *failure {
	return &failure{status: 400, kind: "com.amazonaws.kms#" + kind, message: message}
}

func (s *Services) generateDataKey(body string) ([]byte, *failure) {
	k := dataKey{plain: randomText()}
	for name, v := range members(body) {
		switch name {
		case "KeyId":
			k.keyID = strings.Clone(unquote(v))
		case "EncryptionContext":
			k.context = context(v)
		case "KeySpec":
			if unquote(v) != "AES_256" {
				return nil, kmsFailure("ValidationException", "only AES_256 is known here")
			}
		}
	}
	if k.keyID == "" {
		return nil, kmsFailure("ValidationException", "KeyId must not be null")
	}
	wrapped := randomText()
	s.keys.mu.Lock()
	defer s.keys.mu.Unlock()
	if s.keys.made == nil {
		s.keys.made = map[string]dataKey{}
	}
	s.keys.made[wrapped] = k
	return []byte(`{"CiphertextBlob":"` + wrapped + `","Plaintext":"` + k.plain + `","KeyId":` + string(appendQuoted(nil, k.keyID)) + `}`), nil
}

func (s *Services) decrypt(body string) ([]byte, *failure) {
	var wrapped, bound, keyID string
	for name, v := range members(body) {
		switch name {
		case "CiphertextBlob":
			wrapped = unquote(v)
		case "EncryptionContext":
			bound = context(v)
		case "KeyId":
			keyID = unquote(v)
		}
	}
	s.keys.mu.Lock()
	k, ok := s.keys.made[wrapped]
	s.keys.mu.Unlock()
	switch {
	case !ok || k.context != bound:
		return nil, kmsFailure("InvalidCiphertextException", "")
	case keyID != "" && keyID != k.keyID:
		return nil, kmsFailure("IncorrectKeyException", "The key ID in the request does not identify a CMK that can perform this operation.")
	}
	return []byte(`{"Plaintext":"` + k.plain + `","KeyId":` + string(appendQuoted(nil, k.keyID)) +
		`,"EncryptionAlgorithm":"SYMMETRIC_DEFAULT"}`), nil
}

func (s *Services) createKey(string) ([]byte, *failure) {
	return []byte(`{"KeyMetadata":{"KeyId":"` + rand.Text() + `"}}`), nil
}

func (s *Services) scheduleKeyDeletion(string) ([]byte, *failure) { return []byte("{}"), nil }

// putEvents takes all events and keeps none.
func (s *Services) putEvents(body string) ([]byte, *failure) {
	b := []byte(nil)
	for name, v := range members(body) {
		if name != "Entries" {
			continue
		}
		for range elements(v) {
			b = appendElement(b, `{"EventId":"`+rand.Text()+`"}`)
		}
	}
	return []byte(`{"FailedEntryCount":0,"Entries":[` + string(b) + `]}`), nil
}
