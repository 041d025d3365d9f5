package dynamo

import (
	"context"
	"time"
)

// dataKeyItem is a wrapped data key of the vault. The current one stands a second time under a fixed key.
type dataKeyItem struct {
	header
	ID        string
	Wrapped   []byte
	CreatedAt int64
}

func (i *dataKeyItem) fields(c *coder) {
	i.header.fields(c)
	c.text("id", &i.ID, always)
	c.bytes("k", &i.Wrapped, always)
	c.int64("ca", &i.CreatedAt, always)
}

// DataKey implements vault.KeyStore with one GetItem.
func (s *Store) DataKey(ctx context.Context, id string) (wrapped []byte, err error) {
	var i dataKeyItem
	if err := s.get(ctx, s.o.ServiceTable, dataKeyKey(id), &i); err != nil {
		return nil, named(err, "no such data key")
	}
	return i.Wrapped, nil
}

// CurrentDataKey implements vault.KeyStore with one GetItem.
func (s *Store) CurrentDataKey(ctx context.Context) (id string, wrapped []byte, createdAt time.Time, err error) {
	var i dataKeyItem
	if err := s.get(ctx, s.o.ServiceTable, currentDataKeyKey(), &i); err != nil {
		return "", nil, time.Time{}, named(err, "no data key yet")
	}
	return i.ID, i.Wrapped, fromNanos(i.CreatedAt), nil
}

// AddDataKey implements vault.KeyStore with one transaction.
func (s *Store) AddDataKey(ctx context.Context, id string, wrapped []byte, createdAt time.Time, replaces string) error {
	token := s.o.Token()
	p := planner{table: s.o.ServiceTable}
	add := func(k key, condition func(write) write) {
		p.put(k, &dataKeyItem{header: headerOf(k, token, noExpiry), ID: id, Wrapped: wrapped, CreatedAt: nanos(createdAt)}, condition)
	}
	add(dataKeyKey(id), onNew)
	add(currentDataKeyKey(), func(w write) write {
		if replaces == "" {
			return onNew(w)
		}
		w.condition, w.values = isCurrent, item{":id": str(replaces)}
		return w
	})
	_, err := s.transact(ctx, p.writes, token)
	return err
}
