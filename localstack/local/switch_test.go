package local

import (
	"strings"
	"testing"
)

func TestSwitch(t *testing.T) {
	t.Parallel()
	for value, want := range map[string]bool{"": false, "0": false, "1": true} {
		if on, err := Switch("APPLY", value); on != want || err != nil {
			t.Errorf("%q: %t, %v", value, on, err)
		}
	}
	for _, value := range []string{"yes", "true", " 1", "11"} {
		if on, err := Switch("APPLY", value); on || err == nil || !strings.Contains(err.Error(), "APPLY") {
			t.Errorf("%q: %t, %v", value, on, err)
		}
	}
}
