package stub

import (
	"net/http"
	"time"
)

func (s *Services) serveObjects(w http.ResponseWriter, r *http.Request, body string, arrival time.Time) {
}
