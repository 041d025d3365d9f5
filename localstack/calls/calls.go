// Package calls is the AWS endpoint of the functions of a copy that enforces IAM: TLS in front of the emulator, as AWS
// has, and a record of what each function asked AWS for.
package calls

import (
	"bufio"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"os"
	"sync"
)

// Call is something that a function asked AWS for. Requests that differ in nothing here are one Call.
type Call struct {
	// Key is the access key, which tells the function: each has its own.
	Key string `json:"key"`
	// Action is IAM's name of it, such as dynamodb:GetItem.
	Action string `json:"action"`
	// On is the resource in a form of our own: its kind and its name, such as table/<name>/index/<name>.
	On string `json:"on"`
	// Leading is the partition that the action is about, if it is a single one with a name in capitals, as partitions have
	// that belong to no partner: the condition key dynamodb:LeadingKeys.
	Leading string `json:"leading,omitempty"`
	// App is KMS' encryption context "app".
	App string `json:"app,omitempty"`
	// Denied says that the emulator refused it by a policy.
	Denied bool `json:"denied,omitempty"`
}

// Record keeps the calls in a file, one line of JSON for each. Safe for concurrent use.
type Record struct {
	mu   sync.Mutex
	file *os.File
	seen map[Call]bool
}

// NewRecord continues the record in a file, or begins one.
func NewRecord(name string) (*Record, error) {
	known, err := Read(name)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, err
	}
	file, err := os.OpenFile(name, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	r := &Record{file: file, seen: map[Call]bool{}}
	for _, c := range known {
		r.seen[c] = true
	}
	return r, nil
}

// add writes a call that was not seen before.
func (r *Record) add(c Call) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.seen[c] {
		return nil
	}
	line, err := json.Marshal(c)
	if err != nil {
		return err
	}
	r.seen[c] = true
	_, err = r.file.Write(append(line, '\n'))
	return err
}

// Read returns the calls of a record that may still be written.
func Read(name string) ([]Call, error) {
	file, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer func() { _ = file.Close() }()
	var all []Call
	for lines := bufio.NewReader(file); ; {
		line, err := lines.ReadBytes('\n')
		if errors.Is(err, io.EOF) {
			return all, nil
		}
		var c Call
		if err == nil {
			err = json.Unmarshal(line, &c)
		}
		if err != nil {
			return nil, err
		}
		all = append(all, c)
	}
}

// denied tells an answer of a service that refuses by a policy: S3 says so in XML, the others in JSON.
func denied(status int, header http.Header, body []byte) bool {
	if status != http.StatusForbidden && status != http.StatusBadRequest {
		return false
	}
	return deniedBody.Match(body) || deniedBody.MatchString(header.Get("X-Amzn-Errortype"))
}
