package local

import (
	"context"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"net/http"
	"net/url"
	"strings"
)

// Function is a deployed function as Lambda describes it.
type Function struct {
	Name string `json:"FunctionName"`
	ARN  string `json:"FunctionArn"`
	// Role is the ARN of its role.
	Role        string
	Environment struct{ Variables map[string]string }
}

// Functions lists what is deployed at the emulator.
func Functions(ctx context.Context, endpoint string) ([]Function, error) {
	var all struct{ Functions []Function }
	err := Client{Base: endpoint, Sign: Credentials(), Region: Region, Service: "lambda"}.
		Call(ctx, "GET", "/2015-03-31/functions/?MaxItems=50", nil, &all)
	return all.Functions, err
}

// policyName is the one policy of each function's role.
const policyName = "permissions"

// RolePolicy is what a function's role allows.
type RolePolicy struct {
	Version   string
	Statement []map[string]any
}

// GetRolePolicy reads what a function may do.
func GetRolePolicy(ctx context.Context, endpoint string, f Function) (RolePolicy, error) {
	var p RolePolicy
	a, err := iam(ctx, endpoint, "GetRolePolicy", f, "")
	if err != nil {
		return p, err
	}
	var answer struct {
		Document string `xml:"GetRolePolicyResult>PolicyDocument"`
	}
	if err := xml.Unmarshal(a.Body, &answer); err != nil {
		return p, err
	}
	text, err := url.QueryUnescape(answer.Document)
	if err != nil {
		return p, err
	}
	return p, json.Unmarshal([]byte(text), &p)
}

// PutRolePolicy changes what a function may do, at once.
func PutRolePolicy(ctx context.Context, endpoint string, f Function, p RolePolicy) error {
	text, err := json.Marshal(p)
	if err != nil {
		return err
	}
	_, err = iam(ctx, endpoint, "PutRolePolicy", f, string(text))
	return err
}

func iam(ctx context.Context, endpoint, action string, f Function, document string) (Answer, error) {
	form := url.Values{
		"Action": {action}, "Version": {"2010-05-08"}, "PolicyName": {policyName},
		"RoleName": {f.Role[strings.LastIndexByte(f.Role, '/')+1:]},
	}
	if document != "" {
		form.Set("PolicyDocument", document)
	}
	a, err := Client{Base: endpoint, Sign: Credentials(), Region: Region, Service: "iam"}.
		Do(ctx, "POST", "/", []byte(form.Encode()), "Content-Type", "application/x-www-form-urlencoded")
	if err == nil && a.Status != http.StatusOK {
		err = fmt.Errorf("%s of %s: %d %s", action, f.Name, a.Status, a.Body)
	}
	return a, err
}
