package payload_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"math"
	"time"

	"github.com/cr3dentials/verification-webhooks/shared/jsbytes"
	"github.com/cr3dentials/verification-webhooks/shared/payload"
	"github.com/cr3dentials/verification-webhooks/shared/webhook"
)

// oracle decodes stream records by way of encoding/json's maps, as the product itself once did. It is slow, and what it
// makes of odd texts is what the product does.
type oracle struct {
	event  webhook.Event
	status webhook.Status
	data   []jsbytes.Member
}

func (o oracle) body(n webhook.TypeNaming) ([]byte, error) {
	return jsbytes.Marshal(jsbytes.Object(
		jsbytes.Member{Name: "type", Value: jsbytes.String(string(n.BodyType(o.event.Type)))},
		jsbytes.Member{Name: "status", Value: jsbytes.String(o.status.Outcome())},
		jsbytes.Member{Name: "data", Value: jsbytes.Object(o.data...)},
	))
}

func unusable(reason, detail string) *payload.Unusable {
	return &payload.Unusable{Reason: reason, Detail: detail}
}

func faulty(reason, attribute, fault string) *payload.Unusable {
	return &payload.Unusable{Reason: reason, Detail: attribute + " " + fault, Attribute: attribute}
}

func oracleDecode(raw []byte) (o oracle, ok bool, why *payload.Unusable) {
	root, fault := parseRecord(raw)
	if fault != nil {
		return oracle{}, false, fault
	}
	name, _ := root["eventName"].(string)
	change, _ := root["dynamodb"].(map[string]any)
	switch {
	case name == "REMOVE":
		return oracle{}, false, nil
	case name != "INSERT" && name != "MODIFY":
		return oracle{}, false, unusable(payload.MalformedRecord, "eventName is not one of DynamoDB's")
	}
	image, isMap := change["NewImage"].(map[string]any)
	if !isMap {
		return oracle{}, false, unusable(payload.MalformedRecord, "there is no NewImage")
	}
	status, fault := newStatus(image)
	if fault != nil {
		return oracle{}, false, fault
	}
	if !status.Final() {
		return oracle{}, false, nil
	}
	old, fault := oldStatus(name, change)
	if fault != nil {
		return oracle{}, false, fault
	}
	eventType, ok := webhook.EventFor(old, status)
	if !ok {
		return oracle{}, false, nil
	}
	sequence, at := position(change)
	r, fault := newRecord(image, status, eventType, sequence, at)
	if fault != nil {
		return oracle{}, false, fault
	}
	if sequence == "" || at.IsZero() {
		return oracle{}, false, unusable(payload.MalformedRecord, "there is no usable SequenceNumber or creation time")
	}
	return r, true, nil
}

func newRecord(image map[string]any, status webhook.Status, t webhook.EventType, sequence string, at time.Time) (oracle, *payload.Unusable) {
	partnerID, fault := partnerOf(image)
	if fault != nil {
		return oracle{}, fault
	}
	verificationID, fault := verificationOf(image)
	if fault != nil {
		return oracle{}, fault
	}
	data, fault := dataOf(image)
	if fault != nil {
		return oracle{}, fault
	}
	return oracle{
		event: webhook.Event{
			ID: webhook.EventID(verificationID, sequence, at), Type: t, PartnerID: partnerID,
			VerificationID: verificationID, OccurredAt: at, Sequence: sequence,
		},
		status: status, data: data,
	}, nil
}

func oracleSequenceNumber(raw []byte) (string, time.Time) {
	root, fault := parseRecord(raw)
	if fault != nil {
		return "", time.Time{}
	}
	change, _ := root["dynamodb"].(map[string]any)
	return position(change)
}

func parseRecord(raw []byte) (map[string]any, *payload.Unusable) {
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.UseNumber()
	var root map[string]any
	if err := dec.Decode(&root); err != nil || root == nil {
		return nil, unusable(payload.MalformedRecord, "the record is not a JSON object")
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return nil, unusable(payload.MalformedRecord, "something follows the record")
	}
	return root, nil
}

// maxSequence is the most digits a sequence number has (DynamoDB API reference, StreamRecord).
const maxSequence = 40

// position reads what orders a record among others.
func position(change map[string]any) (sequence string, at time.Time) {
	if s, ok := change["SequenceNumber"].(string); ok && s != "" && len(s) <= maxSequence && allDigits(s) {
		sequence = s
	}
	n, ok := change["ApproximateCreationDateTime"].(json.Number)
	if !ok {
		return sequence, at
	}
	// Seconds since 1970. A double holds milliseconds exactly enough until the year 9999, which also bounds the time.
	const year9999 = 253_402_300_799
	if f, err := n.Float64(); err == nil && f > 0 && f <= year9999 {
		at = time.UnixMilli(int64(math.Round(f * 1000))).UTC()
	}
	return sequence, at
}

func allDigits(s string) bool {
	for i := 0; i < len(s); i++ {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return true
}

// newStatus reads the status of a new image: it must be a known one.
func newStatus(image map[string]any) (webhook.Status, *payload.Unusable) {
	if _, there := image["status"]; !there {
		return "", faulty(payload.UnknownStatus, "status", "is missing")
	}
	s, fault := stringOf(image, "status")
	if fault != nil {
		return "", fault
	}
	if !webhook.Status(s).Known() {
		return "", faulty(payload.UnknownStatus, "status", "is not one of the six")
	}
	return webhook.Status(s), nil
}

// oldStatus reads the status before the change, "" for one that is absent or means nothing.
func oldStatus(eventName string, change map[string]any) (webhook.Status, *payload.Unusable) {
	if eventName == "INSERT" {
		return "", nil
	}
	image, isMap := change["OldImage"].(map[string]any)
	if !isMap {
		return "", unusable(payload.MissingOldImage, "a change came without its old image")
	}
	if s, fault := stringOf(image, "status"); fault == nil && webhook.Status(s).Known() {
		return webhook.Status(s), nil
	}
	return "", nil
}

func partnerOf(image map[string]any) (string, *payload.Unusable) {
	if _, there := image["partnerId"]; !there {
		return "", faulty(payload.MissingPartner, "partnerId", "is missing")
	}
	id, fault := stringOf(image, "partnerId")
	if fault != nil {
		return "", fault
	}
	if !webhook.ValidPartnerID(id) {
		return "", faulty(payload.InvalidPartner, "partnerId", "is not 1 to 64 of A-Z, a-z, 0-9, '.', '_' and '-'")
	}
	return id, nil
}

func verificationOf(image map[string]any) (string, *payload.Unusable) {
	if _, there := image["verificationId"]; !there {
		return "", faulty(payload.MalformedRecord, "verificationId", "is missing")
	}
	id, fault := stringOf(image, "verificationId")
	if fault != nil {
		return "", fault
	}
	if id == "" {
		return "", faulty(payload.MalformedRecord, "verificationId", "is empty")
	}
	return id, nil
}

// dataOf collects the members of the body's `data` that the image has. SDKs write NULL for an optional attribute without
// a value (boto3 for None), so it counts as absent.
func dataOf(image map[string]any) ([]jsbytes.Member, *payload.Unusable) {
	var data []jsbytes.Member
	for _, m := range oracleMembers() {
		attribute, there := image[m.name]
		if !there {
			continue
		}
		kind, content, _ := typed(attribute)
		if m.optional && kind == "NULL" && content == true {
			continue
		}
		if kind != m.kind {
			return nil, faulty(payload.WrongType, m.name, "is not of type "+m.kind)
		}
		v, ok := valueOf(kind, content, 1)
		if !ok {
			return nil, faulty(payload.WrongType, m.name, "holds a value that is not DynamoDB's")
		}
		data = append(data, jsbytes.Member{Name: m.name, Value: v})
	}
	return data, nil
}

func stringOf(image map[string]any, name string) (string, *payload.Unusable) {
	kind, content, _ := typed(image[name])
	s, isString := content.(string)
	if kind != "S" || !isString {
		return "", faulty(payload.WrongType, name, "is not of type S")
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
func oracleSubject(raw []byte) (partnerID, verificationID string) {
	root, fault := parseRecord(raw)
	if fault != nil {
		return "", ""
	}
	change, _ := root["dynamodb"].(map[string]any)
	image, _ := change["NewImage"].(map[string]any)
	keys, _ := change["Keys"].(map[string]any)
	partnerID, _ = stringOf(image, "partnerId")
	verificationID, fault = stringOf(image, "verificationId")
	if fault != nil {
		verificationID, _ = stringOf(keys, "verificationId")
	}
	return partnerID, verificationID
}

// oracleRecords is how encoding/json reads a stream event.
func oracleRecords(event []byte) ([]json.RawMessage, error) {
	var in struct{ Records []json.RawMessage }
	err := json.Unmarshal(event, &in)
	return in.Records, err
}

func oracleMembers() []dataMember {
	return []dataMember{
		{"verificationId", "S", false}, {"sessionId", "N", false}, {"stepId", "N", true}, {"status", "S", false},
		{"proofData", "M", true}, {"formattedData", "M", true}, {"metadata", "M", true},
	}
}

type dataMember struct {
	name, kind string
	optional   bool
}
