package vault

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"encoding/hex"
	"io"
	"sync"
	"time"

	"github.com/cr3dentials/verification-webhooks/shared/webhook"
)

// keyLife is how long new values are sealed under one data key. It bounds what one key protects; old keys stay, since
// what they sealed must open.
const keyLife = 30 * 24 * time.Hour

// dataKey is an unwrapped data key.
type dataKey struct {
	id        string
	aead      cipher.AEAD
	createdAt time.Time // zero if it was only ever opened with
}

// keyring finds, makes and remembers data keys.
type keyring struct {
	o Options

	mu    sync.Mutex // guards known and sealing
	known map[string]dataKey
	// sealing is the current key as last seen; its aead is nil before that.
	sealing dataKey

	// fetching has room for one: whoever puts into it may call the key service, the others wait and look again.
	fetching chan struct{}
}

func newKeyring(o Options) *keyring {
	return &keyring{o: o, known: map[string]dataKey{}, fetching: make(chan struct{}, 1)}
}

// get returns the data key of an id. Corrupt if there is none.
func (r *keyring) get(ctx context.Context, id string) (dataKey, error) {
	if k, ok := r.cached(id); ok {
		return k, nil
	}
	release, err := r.lock(ctx)
	if err != nil {
		return dataKey{}, err
	}
	defer release()
	if k, ok := r.cached(id); ok {
		return k, nil
	}
	wrapped, err := r.o.Keys.DataKey(ctx, id)
	if webhook.CodeOf(err) == webhook.NotFound {
		return dataKey{}, webhook.Wrap(webhook.Corrupt, err, "the data key of a sealed value is gone")
	}
	if err != nil {
		return dataKey{}, webhook.Wrap(webhook.Unavailable, err, "a data key could not be read")
	}
	return r.unwrap(ctx, id, wrapped, time.Time{})
}

// current returns the key to seal with, and makes one if there is none or the present one is too old. Of several
// processes that do so at once the first to store its key wins, and the others use that one.
func (r *keyring) current(ctx context.Context) (dataKey, error) {
	if k, ok := r.cachedCurrent(); ok {
		return k, nil
	}
	release, err := r.lock(ctx)
	if err != nil {
		return dataKey{}, err
	}
	defer release()
	if k, ok := r.cachedCurrent(); ok {
		return k, nil
	}
	const tries = 3
	for range tries {
		k, replaces, err := r.stored(ctx)
		if err != nil {
			return dataKey{}, err
		}
		if k.aead == nil {
			k, err = r.create(ctx, replaces)
		}
		if webhook.CodeOf(err) == webhook.Conflict {
			continue
		}
		if err != nil {
			return dataKey{}, err
		}
		r.mu.Lock()
		r.sealing = k
		r.mu.Unlock()
		return k, nil
	}
	return dataKey{}, webhook.Errorf(webhook.Unavailable, "the current data key kept changing")
}

// stored returns the current key of the store if it may still seal; otherwise an empty one and the id it replaces.
func (r *keyring) stored(ctx context.Context) (k dataKey, replaces string, err error) {
	id, wrapped, createdAt, err := r.o.Keys.CurrentDataKey(ctx)
	if webhook.CodeOf(err) == webhook.NotFound {
		return dataKey{}, "", nil
	}
	if err != nil {
		return dataKey{}, "", webhook.Wrap(webhook.Unavailable, err, "the current data key could not be read")
	}
	if !r.fresh(createdAt) {
		return dataKey{}, id, nil
	}
	k, err = r.unwrap(ctx, id, wrapped, createdAt)
	return k, "", err
}

// create makes and stores a new key. Conflict if another process was first.
func (r *keyring) create(ctx context.Context, replaces string) (dataKey, error) {
	raw := make([]byte, keyIDSize)
	if _, err := io.ReadFull(r.o.Rand, raw); err != nil {
		return dataKey{}, webhook.Wrap(webhook.Internal, err, "the random source failed")
	}
	id := hex.EncodeToString(raw)
	plain, wrapped, err := generate(ctx, r.o.KMS, r.o.KeyID)
	if err != nil {
		return dataKey{}, err
	}
	createdAt := r.o.Now()
	if err := r.o.Keys.AddDataKey(ctx, id, wrapped, createdAt, replaces); err != nil {
		if webhook.CodeOf(err) == webhook.Conflict {
			return dataKey{}, err
		}
		return dataKey{}, webhook.Wrap(webhook.Unavailable, err, "a new data key could not be stored")
	}
	return r.remember(id, plain, createdAt)
}

// unwrap has the key service open a wrapped key and remembers it.
func (r *keyring) unwrap(ctx context.Context, id string, wrapped []byte, createdAt time.Time) (dataKey, error) {
	if k, ok := r.cached(id); ok {
		k.createdAt = createdAt
		return k, nil
	}
	plain, err := decrypt(ctx, r.o.KMS, wrapped)
	if err != nil {
		return dataKey{}, err
	}
	return r.remember(id, plain, createdAt)
}

func (r *keyring) remember(id string, plain []byte, createdAt time.Time) (dataKey, error) {
	block, err := aes.NewCipher(plain)
	if err != nil {
		return dataKey{}, webhook.Wrap(webhook.Corrupt, err, "a data key has the wrong length")
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		return dataKey{}, webhook.Wrap(webhook.Internal, err, "a data key could not be used")
	}
	clear(plain)
	k := dataKey{id: id, aead: aead, createdAt: createdAt}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.known[id] = k
	return k, nil
}

func (r *keyring) cached(id string) (dataKey, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	k, ok := r.known[id]
	return k, ok
}

func (r *keyring) cachedCurrent() (dataKey, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.sealing, r.sealing.aead != nil && r.fresh(r.sealing.createdAt)
}

func (r *keyring) fresh(createdAt time.Time) bool { return r.o.Now().Before(createdAt.Add(keyLife)) }

// lock waits for the right to call the key service.
func (r *keyring) lock(ctx context.Context) (release func(), err error) {
	select {
	case r.fetching <- struct{}{}:
		return func() { <-r.fetching }, nil
	case <-ctx.Done():
		return nil, webhook.Wrap(webhook.Unavailable, ctx.Err(), "a data key did not arrive in time")
	}
}
