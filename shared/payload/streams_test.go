package payload_test

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/cr3dentials/verification-webhooks/shared/jsbytes/docgen"
)

// streams makes the texts of stream events at random: most of what is in them is as DynamoDB has it, and some is not.
type streams struct{ *docgen.Generator }

func (g streams) one(of ...string) string { return of[g.IntN(len(of))] }

// seldom is true once in n times.
func (g streams) seldom(n int) bool { return g.IntN(n) == 0 }

func (g streams) event() []byte {
	var records []string
	for range g.IntN(4) {
		records = append(records, string(g.record()))
	}
	list := g.list(records)
	if g.seldom(30) {
		list = g.one("null", "{}", `"x"`, "7", "true", "[null]", `["a"]`)
	}
	members := []string{g.name("Records") + ":" + list}
	if g.seldom(20) {
		members = append(members, g.one(`"records"`, `"RECORDS"`, `"Record\u017f"`, `"RECORDſ"`, `"Recordſ"`, `"x"`, `"Records "`)+
			":"+g.one("null", "[]", "[1]", `[{"eventName":"REMOVE"}]`, string(g.JSON())))
	}
	event := g.object(members)
	if g.seldom(30) {
		event = g.one("null", "[]", "7", "{}", event+event, event+"x", "")
	}
	if g.seldom(10) {
		return g.Broken([]byte(event))
	}
	return []byte(event)
}

func (g streams) record() []byte {
	name := g.one("INSERT", "MODIFY", "MODIFY", "MODIFY")
	if g.seldom(15) {
		name = g.one("REMOVE", "UPSERT", "insert", "")
	}
	change := g.some(200, []string{
		`"Keys":{"verificationId":` + g.id() + `}`,
		g.name("NewImage") + ":" + g.image(g.one("VERIFIED", "VERIFIED", "FAILED", "EXPIRED")),
	})
	change = append(change, g.some(20, []string{
		g.name("ApproximateCreationDateTime") + ":" + g.one("1764000000", "1764000000.5", "1.764E9", fmt.Sprint(g.IntN(2e9))),
		g.name("SequenceNumber") + `:"` + fmt.Sprint(g.Uint64()) + `"`,
	})...)
	if name != "INSERT" || g.seldom(5) {
		change = append(change, g.some(15, []string{
			g.name("OldImage") + ":" + g.image(g.one("PENDING", "IN_PROGRESS", "MANUAL_REVIEW", "MANUAL_REVIEW", "FAILED", "EXPIRED")),
		})...)
	}
	if g.seldom(15) {
		change = append(change, g.one(`"SequenceNumber"`, `"ApproximateCreationDateTime"`, `"NewImage"`, `"OldImage"`)+":"+
			g.one("null", `"1"`, "1", "-0", "1e999", `"12x"`, "{}", string(g.JSON()), g.image("FAILED")))
	}
	members := []string{
		`"eventID":` + g.Quoted(), g.name("eventName") + ":" + g.quote(name), `"eventVersion":"1.1"`,
		g.name("dynamodb") + ":" + g.object(change),
	}
	if g.seldom(30) {
		members = append(members, g.one(`"eventName"`, `"dynamodb"`, `"EventName"`)+":"+g.one("null", `"REMOVE"`, `"INSERT"`, "{}", "[]"))
	}
	record := g.object(members)
	if g.seldom(8) {
		return g.Broken([]byte(record))
	}
	return []byte(record)
}

func (g streams) image(status string) string {
	if g.seldom(60) {
		return string(g.JSON())
	}
	if g.seldom(8) {
		status = g.one("PENDING", "IN_PROGRESS", "MANUAL_REVIEW", "DONE", "verified", "")
	}
	attributes := g.some(60, []string{
		g.name("verificationId") + ":" + g.id(), g.name("status") + `:{"S":` + g.quote(status) + `}`,
		g.name("partnerId") + `:{"S":` + g.quote(g.partner()) + `}`,
	})
	attributes = append(attributes, g.some(4, []string{
		g.name("sessionId") + `:{"N":"` + fmt.Sprint(g.IntN(1000)) + `"}`, g.name("stepId") + `:{"N":"7"}`,
	})...)
	for _, name := range []string{"proofData", "formattedData", "metadata", "ignored"} {
		if g.seldom(3) {
			attributes = append(attributes, g.name(name)+":"+g.object([]string{`"M":` + g.content("M", 4)}))
		}
	}
	if g.seldom(6) {
		name := g.one("verificationId", "partnerId", "status", "sessionId", "stepId", "metadata", "proofData")
		attributes = append(attributes, g.name(name)+":"+g.typed(2))
	}
	return g.object(attributes)
}

func (g streams) id() string { return `{"S":` + g.one(`"ver_1"`, `"ver_1"`, g.Quoted()) + `}` }

func (g streams) partner() string {
	if g.seldom(15) {
		return g.one("", "a/b", "é", strings.Repeat("a", 65), strings.Repeat("a", 64))
	}
	return g.one("acme", "prt_06fhv37201jqgrbde1p6asbrc4")
}

// typed is a typed value, one in some dozens of a wrong sort.
func (g streams) typed(depth int) string {
	kind := g.one("S", "S", "N", "N", "B", "BOOL", "NULL", "SS", "NS", "BS")
	if depth > 0 && g.seldom(3) {
		kind = g.one("M", "M", "L")
	}
	switch g.IntN(150) {
	case 0:
		return g.object([]string{g.name(kind) + ":" + string(g.JSON())})
	case 1:
		return g.one("{}", "null", `"S"`, "7", "[]", `{"S":null}`, `{"NULL":false}`, `{"N":7}`, `{"X":"1"}`, `{"N":" 1"}`, `{"N":"+.5E+3"}`)
	case 2:
		return g.object([]string{g.name(kind) + ":" + g.content(kind, depth-1), g.name("S") + `:"x"`})
	case 3, 4, 5, 6: // of one name, the last counts
		return "{" + g.name(kind) + ":" + g.one("1", "{}", g.content(kind, 1)) + "," + g.name(kind) + ":" + g.content(kind, depth-1) + "}"
	case 7:
		return g.object([]string{g.name(kind) + ":" + g.content(g.one("S", "N", "M", "L", "BOOL", "SS"), depth-1)})
	}
	return g.object([]string{g.name(kind) + ":" + g.content(kind, depth-1)})
}

func (g streams) content(kind string, depth int) string {
	var parts []string
	switch kind {
	case "N":
		return g.number()
	case "B":
		return g.one(`"AA=="`, `""`, `"+/8="`, `"AAE\u003d"`, `"A\nA=="`, `"AB=="`)
	case "BOOL":
		return g.one("true", "false")
	case "NULL":
		return "true"
	case "M":
		for range g.IntN(6) {
			name := g.Quoted()
			if g.seldom(2) {
				quoted, _ := json.Marshal(g.Name())
				name = string(quoted)
			}
			parts = append(parts, name+":"+g.typed(depth))
			if g.seldom(25) { // again, and one of the two may be wrong
				parts = append(parts, name+":"+g.one("7", g.typed(depth)))
			}
		}
		return g.object(parts)
	case "L":
		for range g.IntN(4) {
			parts = append(parts, g.typed(depth))
		}
		return g.list(parts)
	case "SS", "NS", "BS":
		for range g.IntN(4) {
			parts = append(parts, g.content(kind[:1], 0))
		}
		return g.list(parts)
	}
	return g.Quoted()
}

func (g streams) number() string {
	if g.seldom(200) {
		return g.one(`"1x"`, `""`, `"0x1"`, `"١"`)
	}
	n := g.Number()
	if strings.Trim(n, "0123456789.eE+-") != "" || strings.Trim(n, "eE+-.") == "" {
		n = "12.50"
	}
	return g.quote(n)
}

// some leaves out, or repeats, one in n members.
func (g streams) some(n int, members []string) []string {
	var kept []string
	for _, m := range members {
		switch g.IntN(n) {
		case 0:
		case 1:
			kept = append(kept, m, m)
		default:
			kept = append(kept, m)
		}
	}
	return kept
}

func (g streams) object(members []string) string {
	if g.seldom(4) {
		g.Shuffle(len(members), func(i, j int) { members[i], members[j] = members[j], members[i] })
	}
	return "{" + g.space() + strings.Join(members, g.space()+","+g.space()) + g.space() + "}"
}

func (g streams) list(items []string) string {
	return "[" + g.space() + strings.Join(items, g.space()+","+g.space()) + g.space() + "]"
}

func (g streams) space() string {
	if g.seldom(10) {
		return g.one(" ", "\n", "\t", "\r\n", "  ")
	}
	return ""
}

// name is a member's name, now and then in another spelling, or another case.
func (g streams) name(s string) string {
	if g.seldom(400) {
		return g.one(`"`+strings.ToLower(s)+`"`, `"`+strings.ToUpper(s)+`"`, `"`+s+` "`, `"`+s+`\u0000"`)
	}
	return g.quote(s) + g.space()
}

// quote is s as a JSON string, some characters as escapes.
func (g streams) quote(s string) string {
	var b strings.Builder
	b.WriteByte('"')
	escaping := g.seldom(8)
	for _, r := range s {
		if escaping && g.seldom(3) {
			fmt.Fprintf(&b, g.one(`\u%04x`, `\u%04X`), r)
		} else {
			b.WriteRune(r)
		}
	}
	b.WriteByte('"')
	return b.String()
}
