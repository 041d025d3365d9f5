package stub

// What makes and removes tables by requests, as the tests of shared/dynamo do.

func (s *Services) createTable(body string) ([]byte, *failure) {
	var name string
	kinds := map[string]string{}
	var own []keyAttribute
	var indexes []Index
	for member, v := range members(body) {
		switch member {
		case "TableName":
			name = unquote(v)
		case "AttributeDefinitions":
			for e := range elements(v) {
				kinds[memberText(e, "AttributeName")] = memberText(e, "AttributeType")
			}
		case "KeySchema":
			for e := range elements(v) {
				own = append(own, keyAttribute{name: memberText(e, "AttributeName")})
			}
		case "GlobalSecondaryIndexes":
			for e := range elements(v) {
				indexes = append(indexes, readIndex(e))
			}
		}
	}
	for i := range own {
		own[i].kind = kinds[own[i].name]
	}
	for i := range indexes {
		indexes[i].SortNumber = kinds[indexes[i].Sort] == "N"
	}
	if name == "" || len(own) == 0 {
		return nil, invalid("a table needs a name and a key")
	}
	s.addTable(newTable(name, own, indexes))
	return tableAnswer(name), nil
}

func readIndex(text string) Index {
	var x Index
	for member, v := range members(text) {
		switch member {
		case "IndexName":
			x.Name = unquote(v)
		case "KeySchema":
			for e := range elements(v) {
				if memberText(e, "KeyType") == "HASH" {
					x.Partition = memberText(e, "AttributeName")
				} else {
					x.Sort = memberText(e, "AttributeName")
				}
			}
		case "Projection":
			for n, v := range members(v) {
				if n != "NonKeyAttributes" {
					continue
				}
				for e := range elements(v) {
					x.Projection = append(x.Projection, unquote(e))
				}
			}
		}
	}
	return x
}

// memberText is the text of a member of an object, "" if it has none.
func memberText(object, name string) string {
	for n, v := range members(object) {
		if n == name {
			return unquote(v)
		}
	}
	return ""
}

func tableAnswer(name string) []byte {
	b := appendQuoted([]byte(`{"Table":{"TableStatus":"ACTIVE","TableName":`), name)
	return append(b, "}}"...)
}

func (s *Services) describeTable(body string) ([]byte, *failure) {
	t, f := s.table(memberText(body, "TableName"))
	if f != nil {
		return nil, f
	}
	return tableAnswer(t.name), nil
}

func (s *Services) deleteTable(body string) ([]byte, *failure) {
	t, f := s.table(memberText(body, "TableName"))
	if f != nil {
		return nil, f
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.tables, t.name)
	return []byte("{}"), nil
}
