package payload

import (
	"errors"
	"strings"

	"github.com/cr3dentials/verification-webhooks/shared/jsbytes"
)

// Subject returns whose record it is and of what verification, for operators, also of records that Decode refuses: ""
// for what it does not have, or not as a string. Neither need be valid.
func Subject(raw []byte) (partnerID, verificationID string) {
	t, fault := parseRecord(raw)
	if fault != nil {
		return "", ""
	}
	change := t.Member(0, "dynamodb")
	image := t.Member(change, "NewImage")
	partnerID, _ = stringOf(&t, image, "partnerId")
	verificationID, fault = stringOf(&t, image, "verificationId")
	if fault != nil {
		verificationID, _ = stringOf(&t, t.Member(change, "Keys"), "verificationId")
	}
	return partnerID, verificationID
}

// Records returns the elements of `Records` of a DynamoDB stream event as Lambda delivers it in JSON, each as it stands
// in the event, whose memory they share. It takes what encoding/json would: a name in another case is the same name, the
// last one counts, and there need not be any. The error says nothing of the event.
func Records(event []byte) ([][]byte, error) {
	const levels = 2 // the event and its list
	t, rest, err := jsbytes.Scan(event, maxNesting, levels)
	if err != nil {
		return nil, err
	}
	if len(rest) > 0 {
		return nil, errors.New("something follows it")
	}
	var records [][]byte
	for name, list := range t.Members(0) {
		if n, err := jsbytes.Parse(t.Raw(name)); err != nil || !strings.EqualFold(n.Text(), "Records") {
			continue
		}
		records = nil
		for r := range t.Items(list) {
			records = append(records, t.Raw(r))
		}
		if k := t.Kind(list); k != jsbytes.KindList && k != jsbytes.KindNull {
			return nil, errors.New("its records are not a list")
		}
	}
	if k := t.Kind(0); k != jsbytes.KindObject && k != jsbytes.KindNull {
		return nil, errors.New("it is not a JSON object")
	}
	return records, nil
}

// Split is Records for an event that must have some.
func Split(event []byte) ([][]byte, error) {
	records, err := Records(event)
	if err == nil && len(records) == 0 {
		return nil, errors.New("it holds no records")
	}
	return records, err
}
