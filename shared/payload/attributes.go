package payload

import (
	"encoding/base64"

	"github.com/cr3dentials/verification-webhooks/shared/jsbytes"
	"github.com/cr3dentials/verification-webhooks/shared/webhook"
)

// newStatus reads the status of a new image: it must be a known one.
func newStatus(t *jsbytes.Tree, image int) (webhook.Status, *Unusable) {
	if t.Member(image, "status") < 0 {
		return "", faulty(UnknownStatus, "status", "is missing")
	}
	s, fault := stringOf(t, image, "status")
	if fault != nil {
		return "", fault
	}
	if !webhook.Status(s).Known() {
		return "", faulty(UnknownStatus, "status", "is not one of the six")
	}
	return webhook.Status(s), nil
}

// oldStatus reads the status before the change, "" for one that is absent or means nothing.
func oldStatus(t *jsbytes.Tree, eventName string, change int) (webhook.Status, *Unusable) {
	if eventName == insertEvent {
		return "", nil
	}
	image := t.Member(change, "OldImage")
	if t.Kind(image) != jsbytes.KindObject {
		return "", unusable(MissingOldImage, "a change came without its old image")
	}
	if s, fault := stringOf(t, image, "status"); fault == nil && webhook.Status(s).Known() {
		return webhook.Status(s), nil
	}
	return "", nil
}

func partnerOf(t *jsbytes.Tree, image int) (string, *Unusable) {
	if t.Member(image, "partnerId") < 0 {
		return "", faulty(MissingPartner, "partnerId", "is missing")
	}
	id, fault := stringOf(t, image, "partnerId")
	if fault != nil {
		return "", fault
	}
	if !webhook.ValidPartnerID(id) {
		return "", faulty(InvalidPartner, "partnerId", "is not 1 to 64 of A-Z, a-z, 0-9, '.', '_' and '-'")
	}
	return id, nil
}

func verificationOf(t *jsbytes.Tree, image int) (string, *Unusable) {
	if t.Member(image, "verificationId") < 0 {
		return "", faulty(MalformedRecord, "verificationId", "is missing")
	}
	id, fault := stringOf(t, image, "verificationId")
	if fault != nil {
		return "", fault
	}
	if id == "" {
		return "", faulty(MalformedRecord, "verificationId", "is empty")
	}
	return id, nil
}

// dataOf collects the members of the body's `data` that the image has. SDKs write NULL for an optional attribute without
// a value (boto3 for None), so it counts as absent.
func dataOf(t *jsbytes.Tree, image int) (jsbytes.Value, *Unusable) {
	c := converter{
		t: t, entries: make([]jsbytes.Entry, 0, 16), members: stock[jsbytes.Member]{least: 32}, items: stock[jsbytes.Value]{least: 8},
	}
	members := dataMembers()
	data := c.members.take(len(members))[:0]
	for _, m := range members {
		attribute := t.Member(image, m.name)
		if attribute < 0 {
			continue
		}
		kind, content, _ := t.Only(attribute)
		if m.optional && kind == "NULL" && t.Truth(content) {
			continue
		}
		if kind != m.kind {
			return jsbytes.Value{}, faulty(WrongType, m.name, "is not of type "+m.kind)
		}
		v, ok := c.value(kind, content, 1)
		if !ok {
			return jsbytes.Value{}, faulty(WrongType, m.name, "holds a value that is not DynamoDB's")
		}
		data = append(data, jsbytes.Member{Name: m.name, Value: v})
	}
	return jsbytes.ObjectOf(data), nil
}

func stringOf(t *jsbytes.Tree, image int, name string) (string, *Unusable) {
	kind, content, _ := t.Only(t.Member(image, name))
	if kind != "S" || t.Kind(content) != jsbytes.KindString {
		return "", faulty(WrongType, name, "is not of type S")
	}
	return t.Text(content), nil
}

// maxAttributeDepth bounds the nesting of one attribute: DynamoDB's own limit is 32 levels, and two more stand around
// it in a body.
const maxAttributeDepth = jsbytes.MaxDepth - 2

// converter makes values of the typed ones in a tree, {"S": "..."} for example.
type converter struct {
	t *jsbytes.Tree
	// entries are those of the maps in work, each above the one around it.
	entries []jsbytes.Entry
	members stock[jsbytes.Member]
	items   stock[jsbytes.Value]
}

// value converts a typed value: sets become lists in the order they came in, binaries base64, numbers keep their text.
func (c *converter) value(kind string, content, depth int) (jsbytes.Value, bool) {
	if depth > maxAttributeDepth {
		return jsbytes.Value{}, false
	}
	switch c.t.Kind(content) {
	case jsbytes.KindString:
		return scalarOf(kind, c.t.Text(content))
	case jsbytes.KindBool:
		truth := c.t.Truth(content)
		if kind == "NULL" && truth {
			return jsbytes.Null(), true
		}
		return jsbytes.Bool(truth), kind == "BOOL"
	case jsbytes.KindList:
		return c.list(kind, content, depth)
	case jsbytes.KindObject:
		return c.object(kind, content, depth)
	default:
		return jsbytes.Value{}, false
	}
}

func scalarOf(kind, text string) (jsbytes.Value, bool) {
	switch kind {
	case "S":
		return jsbytes.String(text), true
	case "N":
		return jsbytes.Number(text), jsbytes.IsNumber(text)
	case "B":
		b, err := base64.StdEncoding.DecodeString(text)
		return jsbytes.Binary(b), err == nil
	}
	return jsbytes.Value{}, false
}

// elementKind returns the type of the elements of a set of type kind, "" for what is no set.
func elementKind(kind string) string {
	switch kind {
	case "SS", "NS", "BS":
		return kind[:1]
	}
	return ""
}

func (c *converter) list(kind string, content, depth int) (jsbytes.Value, bool) {
	inSet := elementKind(kind)
	if kind != "L" && inSet == "" {
		return jsbytes.Value{}, false
	}
	n := 0
	for range c.t.Items(content) {
		n++
	}
	items := c.items.take(n)
	n = 0
	for element := range c.t.Items(content) {
		innerKind, inner, ok := inSet, element, true
		if kind == "L" {
			innerKind, inner, ok = c.t.Only(element)
		}
		if !ok {
			return jsbytes.Value{}, false
		}
		if items[n], ok = c.value(innerKind, inner, depth+1); !ok {
			return jsbytes.Value{}, false
		}
		n++
	}
	return jsbytes.List(items...), true
}

func (c *converter) object(kind string, content, depth int) (jsbytes.Value, bool) {
	if kind != "M" {
		return jsbytes.Value{}, false
	}
	around := len(c.entries)
	c.entries = c.t.Sorted(content, c.entries)
	members := c.members.take(len(c.entries) - around)
	for i := range members {
		entry := c.entries[around+i]
		innerKind, inner, ok := c.t.Only(entry.Value)
		if !ok {
			return jsbytes.Value{}, false
		}
		v, ok := c.value(innerKind, inner, depth+1)
		if !ok {
			return jsbytes.Value{}, false
		}
		members[i] = jsbytes.Member{Name: entry.Name, Value: v}
	}
	c.entries = c.entries[:around]
	return jsbytes.MapOf(members), true
}

// stock hands out slices of larger ones, of at least so many, since most lists and maps are small.
type stock[T any] struct {
	least int
	left  []T
}

func (s *stock[T]) take(n int) []T {
	if len(s.left) < n {
		s.left = make([]T, max(n, s.least))
	}
	taken := s.left[:n:n]
	s.left = s.left[n:]
	return taken
}
