package stub

import (
	"encoding/xml"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// buckets are the objects by bucket. A bucket is there as soon as it is named.
type buckets struct {
	mu sync.Mutex
	m  map[string]*bucket
}

type bucket struct {
	objects map[string]object
	names   []string // the keys of objects, in their order
}

type object struct {
	body, kind string
	at         time.Time
}

func (b *buckets) get(name string) *bucket {
	if b.m == nil {
		b.m = map[string]*bucket{}
	}
	if b.m[name] == nil {
		b.m[name] = &bucket{objects: map[string]object{}}
	}
	return b.m[name]
}

// serveObjects answers a request to S3, whose path names the bucket and the object.
func (s *Services) serveObjects(w http.ResponseWriter, r *http.Request, body string, arrival time.Time) {
	name, key, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	action := map[string]string{
		http.MethodPut: "PutObject", http.MethodGet: "GetObject", http.MethodHead: "HeadObject", http.MethodDelete: "DeleteObject",
	}[r.Method]
	switch {
	case key == "" && r.Method == http.MethodGet:
		action = "ListObjectsV2"
	case key == "" && r.Method == http.MethodPut:
		action = "CreateBucket"
	case key == "" && r.Method == http.MethodDelete:
		action = "DeleteBucket"
	}
	status, answer := s.serveObject(w.Header(), r, action, name, key, body)
	s.counter.call("S3."+action, len(body), len(answer))
	s.wait(r, arrival)
	w.Header()["Content-Length"] = []string{strconv.Itoa(len(answer))}
	w.WriteHeader(status)
	_, _ = w.Write([]byte(answer)) // a client that is gone has no use for it
}

func (s *Services) serveObject(h http.Header, r *http.Request, action, name, key, body string) (status int, answer string) {
	s.buckets.mu.Lock()
	defer s.buckets.mu.Unlock()
	b := s.buckets.get(name)
	switch action {
	case "CreateBucket":
	case "DeleteBucket":
		delete(s.buckets.m, name)
		return http.StatusNoContent, ""
	case "PutObject":
		if strings.Contains(r.Header.Get("Content-Encoding"), "aws-chunked") {
			return xmlFailure(http.StatusNotImplemented, "NotImplemented")
		}
		b.put(key, object{body, r.Header.Get("Content-Type"), time.Now()})
		h.Set("ETag", `"`+digest(body)+`"`)
	case "DeleteObject":
		b.remove(key)
		return http.StatusNoContent, ""
	case "GetObject", "HeadObject":
		o, ok := b.objects[key]
		if !ok {
			return xmlFailure(http.StatusNotFound, "NoSuchKey")
		}
		h.Set("Content-Type", o.kind)
		h.Set("ETag", `"`+digest(o.body)+`"`)
		h.Set("Last-Modified", o.at.UTC().Format(http.TimeFormat))
		return http.StatusOK, o.body
	case "ListObjectsV2":
		return b.list(r)
	default:
		return xmlFailure(http.StatusMethodNotAllowed, "MethodNotAllowed")
	}
	return http.StatusOK, ""
}

func xmlFailure(status int, code string) (int, string) {
	return status, `<?xml version="1.0" encoding="UTF-8"?><Error><Code>` + code + `</Code><Message>` + code + `</Message></Error>`
}

func (b *bucket) put(key string, o object) {
	if _, ok := b.objects[key]; !ok {
		i, _ := slices.BinarySearch(b.names, key)
		b.names = slices.Insert(b.names, i, key)
	}
	b.objects[key] = o
}

func (b *bucket) remove(key string) {
	if i, ok := slices.BinarySearch(b.names, key); ok {
		b.names = slices.Delete(b.names, i, i+1)
		delete(b.objects, key)
	}
}

// listing is the answer of ListObjectsV2.
type listing struct {
	XMLName               xml.Name `xml:"ListBucketResult"`
	KeyCount              int
	MaxKeys               int
	IsTruncated           bool
	NextContinuationToken string `xml:",omitempty"`
	Contents              []listed
}

type listed struct {
	Key          string
	LastModified time.Time
	ETag         string
	Size         int
}

func (b *bucket) list(r *http.Request) (int, string) {
	q := r.URL.Query()
	prefix, after := q.Get("prefix"), max(q.Get("start-after"), q.Get("continuation-token"))
	l := listing{MaxKeys: 1000}
	if n, err := strconv.Atoi(q.Get("max-keys")); err == nil {
		l.MaxKeys = min(n, l.MaxKeys)
	}
	i, _ := slices.BinarySearch(b.names, max(prefix, after))
	for ; i < len(b.names) && strings.HasPrefix(b.names[i], prefix); i++ {
		if b.names[i] <= after && after != "" {
			continue
		}
		if l.KeyCount == l.MaxKeys {
			l.IsTruncated, l.NextContinuationToken = true, l.Contents[l.KeyCount-1].Key
			break
		}
		o := b.objects[b.names[i]]
		l.Contents = append(l.Contents, listed{b.names[i], o.at.UTC().Truncate(time.Second), `"` + digest(o.body) + `"`, len(o.body)})
		l.KeyCount++
	}
	text, err := xml.Marshal(l)
	if err != nil {
		return xmlFailure(http.StatusInternalServerError, "InternalError")
	}
	return http.StatusOK, xml.Header + string(text)
}
