package dynamo

import (
	"encoding/json"
	"errors"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/feature/dynamodb/attributevalue"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/cr3dentials/verification-webhooks/shared/webhook"
)

// formats pairs each item's struct with the stored format as it was laid down with the SDK's own encoder. A new attribute
// is added to both.
func formats() map[fielder]any {
	return map[fielder]any{
		&header{}: &OldHeader{}, &partnerItem{}: &oldPartnerItem{}, &webhookItem{}: &oldWebhookItem{},
		&deliveryItem{}: &oldDeliveryItem{}, &bodyItem{}: &oldBodyItem{}, &jobItem{}: &oldJobItem{}, &statsItem{}: &oldStatsItem{},
		&outboxItem{}: &oldOutboxItem{}, &answerItem{}: &oldAnswerItem{}, &credentialItem{}: &oldCredentialItem{},
		&dataKeyItem{}: &oldDataKeyItem{}, &detourItem{}: &oldDetourItem{}, &slotItem{}: &oldSlotItem{},
	}
}

// TestFormat: what is stored is what the SDK's encoder made of the same values, and each of the two reads what the other
// one wrote.
func TestFormat(t *testing.T) {
	const rounds = 300
	for v, old := range formats() {
		name := reflect.TypeOf(v).Elem().Name()
		for seed := range uint64(rounds) {
			r := rand.New(rand.NewPCG(seed, 1))
			a, o := reflect.New(reflect.TypeOf(v).Elem()), reflect.New(reflect.TypeOf(old).Elem())
			random(r, a.Elem(), seed < 5)
			if seed > 0 {
				headerIn(a).V = formatVersion
			}
			fill(o.Elem(), a.Elem())
			written, _ := a.Interface().(fielder)
			got := encode(written)
			want, err := attributevalue.MarshalMap(o.Interface())
			if err != nil {
				t.Fatal(err)
			}
			if !reflect.DeepEqual(got, want) {
				t.Fatalf("%s, seed %d: got\n%v\nwant\n%v", name, seed, image(t, got), image(t, want))
			}
			if seed == 0 {
				continue // its version is not ours
			}
			mine, theirs, read := reflect.New(a.Type().Elem()), reflect.New(o.Type().Elem()), reflect.New(o.Type().Elem())
			into, _ := mine.Interface().(fielder)
			if err := errors.Join(decode(got, into), attributevalue.UnmarshalMap(got, theirs.Interface())); err != nil {
				t.Fatalf("%s, seed %d: %v", name, seed, err)
			}
			if fill(read.Elem(), mine.Elem()); !reflect.DeepEqual(read.Interface(), theirs.Interface()) {
				t.Fatalf("%s, seed %d: read\n%+v\nwant\n%+v", name, seed, read.Elem(), theirs.Elem())
			}
		}
	}
}

// TestWrongAttribute: an attribute of another type is never taken for a value.
func TestWrongAttribute(t *testing.T) {
	others := []types.AttributeValue{
		str("x"), num(1), &types.AttributeValueMemberN{Value: "1.5"}, &types.AttributeValueMemberBOOL{Value: true},
		&types.AttributeValueMemberB{Value: []byte("x")}, &types.AttributeValueMemberM{Value: item{"s": str("x")}},
		&types.AttributeValueMemberL{Value: []types.AttributeValue{&types.AttributeValueMemberBOOL{Value: true}}},
	}
	for v, old := range formats() {
		r := rand.New(rand.NewPCG(7, 7))
		random(r, reflect.ValueOf(v).Elem(), false)
		headerIn(reflect.ValueOf(v)).V = formatVersion
		full := encode(v)
		for name := range full {
			if name == "v" {
				continue
			}
			for _, other := range others {
				it := item{}
				for n, a := range full {
					it[n] = a
				}
				it[name] = other
				back, _ := reflect.New(reflect.TypeOf(v).Elem()).Interface().(fielder)
				got := decode(it, back)
				want := attributevalue.UnmarshalMap(it, reflect.New(reflect.TypeOf(old).Elem()).Interface())
				another := reflect.TypeOf(other) != reflect.TypeOf(full[name])
				if code := webhook.CodeOf(got); another && code != webhook.Corrupt || got == nil && want != nil {
					t.Errorf("%T, %s as %T: got %v, the SDK's decoder %v", v, name, other, got, want)
				}
			}
		}
	}
}

func headerIn(v reflect.Value) *header {
	if h, ok := v.Interface().(*header); ok {
		return h
	}
	h, _ := open(v.Elem().FieldByName("header")).Addr().Interface().(*header)
	return h
}

// random sets the fields of a struct; each of them is zero now and then, and if zero is set always.
func random(r *rand.Rand, v reflect.Value, zero bool) {
	if zero || v.Kind() != reflect.Struct && r.IntN(4) == 0 {
		return
	}
	switch v.Kind() {
	case reflect.String:
		v.SetString(strings.Repeat("aé\x00", r.IntN(3)) + "x")
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Int, reflect.Int64:
		v.SetInt(int64(r.Uint64()) >> r.IntN(64))
	case reflect.Uint8:
		v.SetUint(uint64(r.IntN(256)))
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		random(r, v.Elem(), false)
	case reflect.Slice:
		n := r.IntN(4)
		v.Set(reflect.MakeSlice(v.Type(), n, n))
		for i := range n {
			random(r, v.Index(i), false)
		}
	case reflect.Array:
		for i := range v.Len() {
			random(r, v.Index(i), false)
		}
	case reflect.Struct:
		for i := range v.NumField() {
			f := v.Field(i)
			if !f.CanSet() {
				f = open(f)
			}
			random(r, f, false)
		}
	case reflect.Interface: // what a later release's items have
	default:
		panic("random does not know " + v.Type().String())
	}
}

// fill copies src to dst, a struct with the same fields, or with one for each element of an array.
func fill(dst, src reflect.Value) {
	switch {
	case src.Kind() == reflect.Struct:
		for i := range src.NumField() {
			if src.Field(i).Kind() == reflect.Interface {
				continue
			}
			d, s := dst.Field(i), src.Field(i)
			if !s.CanInterface() {
				d, s = open(d), open(s)
			}
			fill(d, s)
		}
	case src.Kind() == reflect.Pointer && !src.IsNil():
		dst.Set(reflect.New(dst.Type().Elem()))
		fill(dst.Elem(), src.Elem())
	case src.Kind() == reflect.Slice && !src.IsNil():
		dst.Set(reflect.MakeSlice(dst.Type(), src.Len(), src.Len()))
		for i := range src.Len() {
			fill(dst.Index(i), src.Index(i))
		}
	case src.Kind() == reflect.Array:
		for i := range src.Len() {
			fill(dst.Field(i), src.Index(i))
		}
	case src.Kind() != reflect.Pointer && src.Kind() != reflect.Slice:
		dst.Set(src)
	}
}

// open makes an embedded struct's fields accessible.
func open(v reflect.Value) reflect.Value {
	return reflect.NewAt(v.Type(), v.Addr().UnsafePointer()).Elem()
}

func image(t *testing.T, it item) string {
	t.Helper()
	b, err := json.Marshal(typedMap(it))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

type oldAnswerItem struct {
	OldHeader
	RequestHash []byte `dynamodbav:"h"`
	Sealed      []byte `dynamodbav:"se,omitempty"`
	ExpiresAt   int64  `dynamodbav:"ex"`
}

type oldBodyItem struct {
	OldHeader
	Version string `dynamodbav:"bv"`
	Body    []byte `dynamodbav:"b"`
}

type oldCredentialItem struct {
	OldHeader
	ID         string `dynamodbav:"id"`
	PartnerID  string `dynamodbav:"p"`
	Kind       string `dynamodbav:"k,omitempty"`
	Name       string `dynamodbav:"n,omitempty"`
	SecretHash []byte `dynamodbav:"h"`
	CreatedAt  int64  `dynamodbav:"ca,omitempty"`
	ExpiresAt  int64  `dynamodbav:"ex,omitempty"`
}

type oldDataKeyItem struct {
	OldHeader
	ID        string `dynamodbav:"id"`
	Wrapped   []byte `dynamodbav:"k"`
	CreatedAt int64  `dynamodbav:"ca"`
}

type oldDeliveryItem struct {
	OldHeader
	Rev            int64            `dynamodbav:"rev"`
	VPK            string           `dynamodbav:"vpk"`
	DPK            string           `dynamodbav:"dpk,omitempty"`
	Due            int64            `dynamodbav:"due,omitempty"`
	HPK            string           `dynamodbav:"hpk,omitempty"`
	HSK            string           `dynamodbav:"hsk,omitempty"`
	State          string           `dynamodbav:"st"`
	EventType      string           `dynamodbav:"et"`
	EventID        string           `dynamodbav:"ei,omitempty"`
	EventPartner   string           `dynamodbav:"ep,omitempty"`
	VerificationID string           `dynamodbav:"vi,omitempty"`
	OccurredAt     int64            `dynamodbav:"oc,omitempty"`
	Sequence       string           `dynamodbav:"sq,omitempty"`
	Body           []byte           `dynamodbav:"b,omitempty"`
	BodyVersion    string           `dynamodbav:"bv,omitempty"`
	Reason         string           `dynamodbav:"re,omitempty"`
	CreatedAt      int64            `dynamodbav:"ca,omitempty"`
	UpdatedAt      int64            `dynamodbav:"ua,omitempty"`
	Generation     int64            `dynamodbav:"g,omitempty"`
	RoundAttempts  int              `dynamodbav:"ra,omitempty"`
	Attempts       int              `dynamodbav:"a,omitempty"`
	Claim          *oldClaimItem    `dynamodbav:"c,omitempty"`
	Interruptions  int              `dynamodbav:"in,omitempty"`
	Tripped        bool             `dynamodbav:"tr,omitempty"`
	Job            string           `dynamodbav:"j,omitempty"`
	Probed         bool             `dynamodbav:"pr,omitempty"`
	Paced          bool             `dynamodbav:"pc,omitempty"`
	ResendAt       int64            `dynamodbav:"rs,omitempty"`
	NextAttemptAt  int64            `dynamodbav:"na,omitempty"`
	HeldUntil      int64            `dynamodbav:"hu,omitempty"`
	LastStatusCode int              `dynamodbav:"ls,omitempty"`
	LastErrorCode  string           `dynamodbav:"le,omitempty"`
	Log            []oldAttemptItem `dynamodbav:"l,omitempty"`
	DueAt          int64            `dynamodbav:"da,omitempty"`
}

type oldClaimItem struct {
	Number     int    `dynamodbav:"n,omitempty"`
	Owner      string `dynamodbav:"o,omitempty"`
	LeaseUntil int64  `dynamodbav:"u,omitempty"`
	StartedAt  int64  `dynamodbav:"s,omitempty"`
	Manual     bool   `dynamodbav:"m,omitempty"`
}

type oldAttemptItem struct {
	Number       int    `dynamodbav:"n,omitempty"`
	StartedAt    int64  `dynamodbav:"s,omitempty"`
	Duration     int64  `dynamodbav:"d,omitempty"`
	Manual       bool   `dynamodbav:"m,omitempty"`
	StatusCode   int    `dynamodbav:"c,omitempty"`
	ErrorCode    string `dynamodbav:"e,omitempty"`
	ErrorMessage string `dynamodbav:"t,omitempty"`
	Excerpt      string `dynamodbav:"x,omitempty"`
}

type oldDetourItem struct {
	OldHeader
	Since int64 `dynamodbav:"s,omitempty"`
	At    int64 `dynamodbav:"at,omitempty"`
	Took  int64 `dynamodbav:"d,omitempty"`
	Fast  int   `dynamodbav:"f,omitempty"`
	Need  int   `dynamodbav:"n,omitempty"`
	Next  int64 `dynamodbav:"nx,omitempty"`
}

type oldJobItem struct {
	OldHeader
	Rev        int64           `dynamodbav:"rev"`
	DPK        string          `dynamodbav:"dpk,omitempty"`
	Due        int64           `dynamodbav:"due,omitempty"`
	ID         string          `dynamodbav:"id"`
	State      string          `dynamodbav:"st"`
	Generation int64           `dynamodbav:"g,omitempty"`
	Current    string          `dynamodbav:"c,omitempty"`
	Done       int             `dynamodbav:"d,omitempty"`
	Total      int             `dynamodbav:"t,omitempty"`
	Step       int             `dynamodbav:"s,omitempty"`
	Since      *int64          `dynamodbav:"si,omitempty"`
	Until      *int64          `dynamodbav:"un,omitempty"`
	States     []webhook.State `dynamodbav:"ss,omitempty"`
	EventType  string          `dynamodbav:"et,omitempty"`
	DryRun     bool            `dynamodbav:"dr,omitempty"`
	Probed     bool            `dynamodbav:"pr,omitempty"`
	Counted    bool            `dynamodbav:"co,omitempty"`
	Last       string          `dynamodbav:"l,omitempty"`
	CreatedAt  int64           `dynamodbav:"ca,omitempty"`
	UpdatedAt  int64           `dynamodbav:"ua,omitempty"`
	DueAt      int64           `dynamodbav:"da,omitempty"`
}

type oldOutboxItem struct {
	OldHeader
	ID         string `dynamodbav:"id"`
	Kind       string `dynamodbav:"k"`
	PartnerID  string `dynamodbav:"p,omitempty"`
	WebhookID  string `dynamodbav:"wh,omitempty"`
	DeliveryID string `dynamodbav:"d,omitempty"`
	Reason     string `dynamodbav:"re,omitempty"`
	Count      int    `dynamodbav:"n,omitempty"`
	At         int64  `dynamodbav:"at,omitempty"`
}

type oldPartnerItem struct {
	OldHeader
	Rev       int64  `dynamodbav:"rev"`
	ID        string `dynamodbav:"id"`
	Name      string `dynamodbav:"n,omitempty"`
	Suspended bool   `dynamodbav:"su,omitempty"`
	CreatedAt int64  `dynamodbav:"ca,omitempty"`
	UpdatedAt int64  `dynamodbav:"ua,omitempty"`
	Webhooks  int    `dynamodbav:"wc,omitempty"`
	Ended     int64  `dynamodbav:"se,omitempty"`
}

type oldSlotItem struct {
	OldHeader
	Owner string `dynamodbav:"o"`
	Until int64  `dynamodbav:"u"`
}

type OldHeader struct {
	PK  string `dynamodbav:"pk"`
	SK  string `dynamodbav:"sk"`
	V   int    `dynamodbav:"v"`
	W   string `dynamodbav:"w,omitempty"`
	TTL int64  `dynamodbav:"ttl,omitempty"`
}

type oldWebhookItem struct {
	OldHeader
	Rev            int64                `dynamodbav:"rev"`
	PartnerID      string               `dynamodbav:"p"`
	ID             string               `dynamodbav:"id"`
	URL            string               `dynamodbav:"u,omitempty"`
	Active         bool                 `dynamodbav:"ac,omitempty"`
	Generation     int64                `dynamodbav:"g,omitempty"`
	Description    string               `dynamodbav:"de,omitempty"`
	EventTypes     []webhook.EventType  `dynamodbav:"et,omitempty"`
	TypeNaming     string               `dynamodbav:"tn,omitempty"`
	AuthHeaderName string               `dynamodbav:"ah,omitempty"`
	Sealed         []byte               `dynamodbav:"se,omitempty"`
	SecretHint     string               `dynamodbav:"sh,omitempty"`
	Rotation       *oldRotationItem     `dynamodbav:"ro,omitempty"`
	Template       []byte               `dynamodbav:"pt,omitempty"`
	TemplateAt     int64                `dynamodbav:"pa,omitempty"`
	Deactivation   *oldDeactivationItem `dynamodbav:"da,omitempty"`
	EverActive     bool                 `dynamodbav:"ea,omitempty"`
	OffGeneration  int64                `dynamodbav:"og,omitempty"`
	AutoReactivate bool                 `dynamodbav:"ar,omitempty"`
	DiscardBelow   int64                `dynamodbav:"db,omitempty"`
	CreatedAt      int64                `dynamodbav:"ca,omitempty"`
	UpdatedAt      int64                `dynamodbav:"ua,omitempty"`
}

type oldDeactivationItem struct {
	At         int64  `dynamodbav:"at,omitempty"`
	Reason     string `dynamodbav:"re,omitempty"`
	DeliveryID string `dynamodbav:"d,omitempty"`
}

type oldRotationItem struct {
	EndsAt     int64  `dynamodbav:"at,omitempty"`
	SecretHint string `dynamodbav:"sh,omitempty"`
}
