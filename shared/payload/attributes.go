package payload

import (
	"encoding/base64"

	"github.com/cr3dentials/verification-webhooks/shared/jsbytes"
	"github.com/cr3dentials/verification-webhooks/shared/webhook"
)

// newStatus reads the status of a new image: it must be a known one.
func newStatus(image map[string]any) (webhook.Status, *Unusable) {
	if _, there := image["status"]; !there {
		return "", faulty(UnknownStatus, "status", "is missing")
	}
	s, fault := stringOf(image, "status")
	if fault != nil {
		return "", fault
	}
	if !webhook.Status(s).Known() {
		return "", faulty(UnknownStatus, "status", "is not one of the six")
	}
	return webhook.Status(s), nil
}

// oldStatus reads the status before the change, "" for one that is absent or means nothing.
func oldStatus(eventName string, change map[string]any) (webhook.Status, *Unusable) {
	if eventName == insertEvent {
		return "", nil
	}
	image, isMap := change["OldImage"].(map[string]any)
	if !isMap {
		return "", unusable(MissingOldImage, "a change came without its old image")
	}
	if s, fault := stringOf(image, "status"); fault == nil && webhook.Status(s).Known() {
		return webhook.Status(s), nil
	}
	return "", nil
}

func partnerOf(image map[string]any) (string, *Unusable) {
	if _, there := image["partnerId"]; !there {
		return "", faulty(MissingPartner, "partnerId", "is missing")
	}
	id, fault := stringOf(image, "partnerId")
	if fault != nil {
		return "", fault
	}
	if !webhook.ValidPartnerID(id) {
		return "", faulty(InvalidPartner, "partnerId", "is not 1 to 64 of A-Z, a-z, 0-9, '.', '_' and '-'")
	}
	return id, nil
}

func verificationOf(image map[string]any) (string, *Unusable) {
	if _, there := image["verificationId"]; !there {
		return "", faulty(MalformedRecord, "verificationId", "is missing")
	}
	id, fault := stringOf(image, "verificationId")
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
func dataOf(image map[string]any) ([]jsbytes.Member, *Unusable) {
	var data []jsbytes.Member
	for _, m := range dataMembers() {
		attribute, there := image[m.name]
		if !there {
			continue
		}
		kind, content, _ := typed(attribute)
		if m.optional && kind == "NULL" && content == true {
			continue
		}
		if kind != m.kind {
			return nil, faulty(WrongType, m.name, "is not of type "+m.kind)
		}
		v, ok := valueOf(kind, content, 1)
		if !ok {
			return nil, faulty(WrongType, m.name, "holds a value that is not DynamoDB's")
		}
		data = append(data, jsbytes.Member{Name: m.name, Value: v})
	}
	return data, nil
}

func stringOf(image map[string]any, name string) (string, *Unusable) {
	kind, content, _ := typed(image[name])
	s, isString := content.(string)
	if kind != "S" || !isString {
		return "", faulty(WrongType, name, "is not of type S")
	}
	return s, nil
}

// typed takes a typed value, {"S": "..."} for example, apart.
func typed(attribute any) (kind string, content any, ok bool) {
	m, isMap := attribute.(map[string]any)
	if !isMap || len(m) != 1 {
		return "", nil, false
	}
	for kind, content := range m {
		return kind, content, true
	}
	return "", nil, false
}

// maxAttributeDepth bounds the nesting of one attribute: DynamoDB's own limit is 32 levels, and two more stand around
// it in a body.
const maxAttributeDepth = jsbytes.MaxDepth - 2

// valueOf converts a typed value: sets become lists in the order they came in, binaries base64, numbers keep their text.
func valueOf(kind string, content any, depth int) (jsbytes.Value, bool) {
	if depth > maxAttributeDepth {
		return jsbytes.Value{}, false
	}
	switch c := content.(type) {
	case string:
		return scalarOf(kind, c)
	case bool:
		if kind == "NULL" && c {
			return jsbytes.Null(), true
		}
		return jsbytes.Bool(c), kind == "BOOL"
	case []any:
		return listOf(kind, c, depth)
	case map[string]any:
		return mapOf(kind, c, depth)
	}
	return jsbytes.Value{}, false
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

func listOf(kind string, content []any, depth int) (jsbytes.Value, bool) {
	inSet := elementKind(kind)
	if kind != "L" && inSet == "" {
		return jsbytes.Value{}, false
	}
	items := make([]jsbytes.Value, 0, len(content))
	for _, element := range content {
		innerKind, inner, ok := inSet, element, true
		if kind == "L" {
			innerKind, inner, ok = typed(element)
		}
		if !ok {
			return jsbytes.Value{}, false
		}
		v, ok := valueOf(innerKind, inner, depth+1)
		if !ok {
			return jsbytes.Value{}, false
		}
		items = append(items, v)
	}
	return jsbytes.List(items...), true
}

func mapOf(kind string, content map[string]any, depth int) (jsbytes.Value, bool) {
	if kind != "M" {
		return jsbytes.Value{}, false
	}
	members := make(map[string]jsbytes.Value, len(content))
	for name, attribute := range content {
		innerKind, inner, ok := typed(attribute)
		if !ok {
			return jsbytes.Value{}, false
		}
		v, ok := valueOf(innerKind, inner, depth+1)
		if !ok {
			return jsbytes.Value{}, false
		}
		members[name] = v
	}
	return jsbytes.Map(members), true
}
