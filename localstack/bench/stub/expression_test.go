package stub_test

import (
	"strings"
	"testing"
)

const values = `{":s":{"S":"m"},":n":{"N":"10"},":neg":{"N":"-2.5"},":b":{"B":"bQ=="},":l":{"L":[{"N":"1"}]},":one":{"N":"1"},` +
	`":map":{"M":{"b":{"N":"2"},"a":{"N":"1"}}},":type":{"S":"N"}}`

const stored = `{"pk":{"S":"p"},"sk":{"S":"s"},"s":{"S":"me\u006eu"},"n":{"N":"10.0"},"b":{"B":"bQ=="},"big":{"N":"1700000000000000001"},` +
	`"l":{"L":[{"N":"1"},{"S":"m"}]},"ss":{"SS":["m","n"]},"m":{"M":{"a":{"N":"1"},"b":{"N":"2"}}},"t":{"BOOL":true},"null":{"NULL":true}}`

// TestConditions evaluates conditions on an item, and on none.
func TestConditions(t *testing.T) {
	for text, want := range map[string]struct{ item, none bool }{
		"attribute_exists(s)":      {true, false},
		"attribute_not_exists(#x)": {false, true},
		"attribute_exists(#null)":  {true, false},
		"s = :s":                   {false, false},
		"s <> :s":                  {true, true},
		"s > :s":                   {true, false},
		"s < :s":                   {false, false},
		"s >= :s AND n <= :n":      {true, false},
		"n = :n":                   {true, false},
		"n <> :n":                  {false, true},
		"n < :n OR n > :n":         {false, false},
		"n = :s":                   {false, false},
		"n > :neg":                 {true, false},
		"big > :n":                 {true, false},
		"n BETWEEN :neg AND :n":    {true, false},
		"n between :one and :one":  {false, false},
		"n IN (:one, :n)":          {true, false},
		"begins_with(s, :s)":       {true, false},
		"begins_with(n, :s)":       {false, false},
		"b = :b":                   {true, false},
		"b >= :b":                  {true, false},
		"m = :map":                 {true, false},
		"contains(l, :one)":        {true, false},
		"contains(ss, :s)":         {true, false},
		"contains(s, :s)":          {true, false},
		"contains(ss, :n)":         {false, false},
		"attribute_type(n, :type)": {true, false},
		"size(l) > :one":           {true, false},
		"NOT s = :s":               {true, true},
		"NOT (s > :s)":             {false, true},
		"attribute_not_exists(absent) OR absent < :n":    {true, true},
		"attribute_not_exists(n) OR n < :n":              {false, true},
		"attribute_not_exists(n) OR n <= :n":             {true, true},
		"s = :s OR n = :n AND b = :b":                    {true, false},
		"(s = :s OR n = :n) AND absent = :b":             {false, false},
		"NOT attribute_exists(s) AND s = :s OR n = :n":   {true, false},
		"absent = absent":                                {false, false},
		"s=:s OR(n=:n)":                                  {true, false},
		"attribute_exists(pk) AND NOT begins_with(s,:s)": {false, false},
	} {
		for item, holds := range map[string]bool{stored: want.item, "": want.none} {
			s, _ := start(t)
			if item != "" {
				ddb(t, s, 200, "PutItem", `{"TableName":"service","Item":`+item+`}`)
			}
			status := 400
			if holds {
				status = 200
			}
			answer := ddb(t, s, status, "DeleteItem", `{"TableName":"service","Key":{"pk":{"S":"p"},"sk":{"S":"s"}},"ConditionExpression":"`+
				text+`","ExpressionAttributeNames":{"#x":"s","#null":"null"},"ExpressionAttributeValues":`+values+
				`,"ReturnValuesOnConditionCheckFailure":"ALL_OLD"}`)
			if holds {
				continue
			}
			if !strings.Contains(answer, "#ConditionalCheckFailedException") || (item != "") != strings.Contains(answer, `"Item":`+item) {
				t.Errorf("%q is refused with %s", text, answer)
			}
		}
	}
}

// TestRefusedTellsNoItem unless it is asked to.
func TestRefusedTellsNoItem(t *testing.T) {
	s, _ := start(t)
	ddb(t, s, 200, "PutItem", `{"TableName":"service","Item":`+stored+`}`)
	got := ddb(t, s, 400, "PutItem", `{"TableName":"service","Item":`+stored+`,"ConditionExpression":"attribute_not_exists(pk)"}`)
	if strings.Contains(got, `"Item"`) {
		t.Errorf("refused with %s", got)
	}
}

// TestBrokenExpressions are refused, and change nothing.
func TestBrokenExpressions(t *testing.T) {
	for _, text := range []string{
		"n", "n =", "= :n", "n = :n AND", "(n = :n", "n = :n)", "n = :missing", "#missing = :n", "n == :n", "size(n)", "n.x = :n",
		"l[0] = :n", "begins_with(n)", "attribute_exists(n, s)", "n BETWEEN :n", "n IN ()", "if_not_exists(n, :n)", "unknown(n)",
	} {
		s, _ := start(t)
		ddb(t, s, 200, "PutItem", `{"TableName":"service","Item":`+stored+`}`)
		answer := ddb(t, s, 400, "DeleteItem", `{"TableName":"service","Key":{"pk":{"S":"p"},"sk":{"S":"s"}},"ConditionExpression":"`+
			text+`","ExpressionAttributeValues":`+values+`}`)
		if !strings.Contains(answer, "#ValidationException") {
			t.Errorf("%q is refused with %s", text, answer)
		}
	}
}

// TestUpdates evaluates updates of an item with a = 1, and of none.
func TestUpdates(t *testing.T) {
	for text, want := range map[string]struct{ item, none string }{
		"SET a = :n":                              {`"a":{"N":"10"}`, `"a":{"N":"10"}`},
		"SET a = a + :n":                          {`"a":{"N":"11"}`, ""},
		"SET a = a - :neg":                        {`"a":{"N":"3.5"}`, ""},
		"SET a = if_not_exists(a, :n) + :n":       {`"a":{"N":"11"}`, `"a":{"N":"20"}`},
		"SET #b = if_not_exists(a, :n)":           {`"a":{"N":"1"},"b":{"N":"1"}`, `"b":{"N":"10"}`},
		"SET b = a, a = :s":                       {`"a":{"S":"m"},"b":{"N":"1"}`, ""},
		"SET b = :l, c = :map REMOVE a":           {`"b":{"L":[{"N":"1"}]},"c":{"M":{"b":{"N":"2"},"a":{"N":"1"}}}`, `"b":{"L":[{"N":"1"}]},"c":{"M":{"a":{"N":"1"},"b":{"N":"2"}}}`},
		"REMOVE a, b":                             {``, ``},
		"ADD a :n":                                {`"a":{"N":"11"}`, `"a":{"N":"10"}`},
		"ADD a :neg SET b = :s":                   {`"a":{"N":"-1.5"},"b":{"S":"m"}`, `"a":{"N":"-2.5"},"b":{"S":"m"}`},
		"set b = :s add a :n, c :n remove d":      {`"a":{"N":"11"},"b":{"S":"m"},"c":{"N":"10"}`, `"a":{"N":"10"},"b":{"S":"m"},"c":{"N":"10"}`},
		"SET a = :n, a = :one":                    {"", ""},
		"SET pk = :s":                             {"", ""},
		"SET a = :missing":                        {"", ""},
		"SET a":                                   {"", ""},
		"ADD a :s":                                {"", ""},
		"DELETE a :n":                             {"", ""},
		"SET a = :n b = :n":                       {"", ""},
		"SET a.b = :n":                            {"", ""},
		"a = :n":                                  {"", ""},
		"SET a = attribute_exists(b)":             {"", ""},
		"SET a = :n REMOVE a":                     {"", ""},
		"SET a = if_not_exists(b, :n) - :neg":     {`"a":{"N":"12.5"}`, `"a":{"N":"12.5"}`},
		"SET a = if_not_exists(missing, missing)": {"", ""},
	} {
		for i, members := range []string{want.item, want.none} {
			s, _ := start(t)
			if i == 0 {
				ddb(t, s, 200, "PutItem", `{"TableName":"service","Item":{"pk":{"S":"p"},"sk":{"S":"s"},"a":{"N":"1"}}}`)
			}
			status := 200
			if members == "" && !strings.HasPrefix(text, "REMOVE") {
				status = 400
			}
			answer := ddb(t, s, status, "UpdateItem", `{"TableName":"service","Key":{"pk":{"S":"p"},"sk":{"S":"s"}},"UpdateExpression":"`+
				text+`","ExpressionAttributeNames":{"#b":"b"},"ExpressionAttributeValues":`+values+`,"ReturnValues":"ALL_NEW"}`)
			if status == 400 {
				if !strings.Contains(answer, "#ValidationException") {
					t.Errorf("%q is refused with %s", text, answer)
				}
				continue
			}
			if members != "" {
				members = "," + members
			}
			item := `{"pk":{"S":"p"},"sk":{"S":"s"}` + members + `}`
			if !sameJSON(t, answer, `{"Attributes":`+item+`}`) {
				t.Errorf("%q gives %s, want %s", text, answer, item)
			}
			got := ddb(t, s, 200, "GetItem", `{"TableName":"service","Key":{"sk":{"S":"s"},"pk":{"S":"p"}}}`)
			if !sameJSON(t, got, `{"Item":`+item+`}`) {
				t.Errorf("%q stored %s, want %s", text, got, item)
			}
		}
	}
}

// TestReturnValues answers writes with what they ask for.
func TestReturnValues(t *testing.T) {
	const item = `{"pk":{"S":"p"},"sk":{"S":"s"},"a":{"N":"1"},"b":{"N":"2"}}`
	update := func(values string) string {
		return `{"TableName":"service","Key":{"pk":{"S":"p"},"sk":{"S":"s"}},"UpdateExpression":"ADD a :a SET c = :a",` +
			`"ExpressionAttributeValues":{":a":{"N":"5"}},"ReturnValues":"` + values + `"}`
	}
	for _, c := range []struct{ action, body, want string }{
		{"UpdateItem", update("NONE"), `{}`},
		{"UpdateItem", update("ALL_OLD"), `{"Attributes":` + item + `}`},
		{"UpdateItem", update("UPDATED_OLD"), `{"Attributes":{"a":{"N":"1"}}}`},
		{"UpdateItem", update("ALL_NEW"), `{"Attributes":{"pk":{"S":"p"},"sk":{"S":"s"},"a":{"N":"6"},"b":{"N":"2"},"c":{"N":"5"}}}`},
		{"UpdateItem", update("UPDATED_NEW"), `{"Attributes":{"a":{"N":"6"},"c":{"N":"5"}}}`},
		{"PutItem", `{"TableName":"service","Item":{"pk":{"S":"p"},"sk":{"S":"s"}},"ReturnValues":"ALL_OLD"}`, `{"Attributes":` + item + `}`},
		{"PutItem", `{"TableName":"service","Item":{"pk":{"S":"p"},"sk":{"S":"s"}}}`, `{}`},
		{"DeleteItem", `{"TableName":"service","Key":{"pk":{"S":"p"},"sk":{"S":"s"}},"ReturnValues":"ALL_OLD"}`, `{"Attributes":` + item + `}`},
		{"DeleteItem", `{"TableName":"service","Key":{"pk":{"S":"p"},"sk":{"S":"2"}},"ReturnValues":"ALL_OLD"}`, `{}`},
	} {
		s, _ := start(t)
		ddb(t, s, 200, "PutItem", `{"TableName":"service","Item":`+item+`}`)
		if got := ddb(t, s, 200, c.action, c.body); !sameJSON(t, got, c.want) {
			t.Errorf("%s %s\nanswered %s, want %s", c.action, c.body, got, c.want)
		}
	}
}
