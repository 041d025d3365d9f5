package infra

import (
	"slices"
	"strings"
	"testing"
)

// TestNoCycles: CloudFormation refuses resources that refer to each other in a circle, and only when it deploys. The
// API's name in a function that the API leads to would be one, if the API were defined by one document with its routes.
func TestNoCycles(t *testing.T) {
	check := func(t *testing.T, tpl template) {
		edges := 0
		for id, used := range tpl.uses {
			edges += len(used)
			if path := cycle(tpl.uses, []string{id}); path != nil {
				t.Errorf("a circle: %s", strings.Join(path, " -> "))
			}
		}
		if edges < 100 {
			t.Errorf("only %d references were seen", edges)
		}
	}
	each(t, func(t *testing.T, _ string, tpl template) { check(t, tpl) })
	check(t, rolledOut()) // an alias is moved by a group, whose role may move it
	if cycle(map[string][]string{"a": {"b"}, "b": {"c"}, "c": {"a"}}, []string{"a"}) == nil {
		t.Error("a circle is not seen")
	}
}

// cycle returns a way from the first of path back to it, nil if there is none.
func cycle(uses map[string][]string, path []string) []string {
	for _, next := range uses[path[len(path)-1]] {
		if next == path[0] {
			return append(path, next)
		}
		if !slices.Contains(path, next) {
			if found := cycle(uses, append(path, next)); found != nil {
				return found
			}
		}
	}
	return nil
}

// usedBy returns the ids of the resources that a part of a raw template names in Ref, Fn::GetAtt, Fn::Sub or DependsOn.
func usedBy(part any, resources map[string]any) []string {
	var ids []string
	add := func(v any) {
		if id, ok := v.(string); ok && resources[id] != nil {
			ids = append(ids, id)
		}
	}
	switch part := part.(type) {
	case []any:
		for _, v := range part {
			ids = append(ids, usedBy(v, resources)...)
		}
	case map[string]any:
		for key, v := range part {
			switch list, _ := v.([]any); key {
			case "Ref":
				add(v)
			case "Fn::GetAtt":
				add(list[0])
			case "DependsOn":
				add(v)
				for _, id := range list {
					add(id)
				}
			case "Fn::Sub":
				text, _ := v.(string)
				for _, m := range placeholder.FindAllStringSubmatch(text, -1) {
					id, _, _ := strings.Cut(m[1], ".")
					add(id)
				}
			}
			ids = append(ids, usedBy(v, resources)...)
		}
	}
	slices.Sort(ids)
	return slices.Compact(ids)
}
