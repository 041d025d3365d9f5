package payload

import (
	"encoding/json"
	"errors"
)

// Subject returns whose record it is and of what verification, for operators, also of records that Decode refuses: ""
// for what it does not have, or not as a string. Neither need be valid.
func Subject(raw []byte) (partnerID, verificationID string) {
	root, fault := parseRecord(raw)
	if fault != nil {
		return "", ""
	}
	change, _ := root["dynamodb"].(map[string]any)
	image, _ := change["NewImage"].(map[string]any)
	keys, _ := change["Keys"].(map[string]any)
	partnerID, _ = stringOf(image, "partnerId")
	verificationID, fault = stringOf(image, "verificationId")
	if fault != nil {
		verificationID, _ = stringOf(keys, "verificationId")
	}
	return partnerID, verificationID
}

// Split returns the records of a DynamoDB stream event as Lambda delivers it in JSON, each with its bytes as they are.
func Split(event []byte) ([][]byte, error) {
	var in struct{ Records []json.RawMessage }
	if err := json.Unmarshal(event, &in); err != nil {
		return nil, err
	}
	if len(in.Records) == 0 {
		return nil, errors.New("it holds no records")
	}
	records := make([][]byte, len(in.Records))
	for i, r := range in.Records {
		records[i] = r
	}
	return records, nil
}
