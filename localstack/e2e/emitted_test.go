package e2e

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"
)

// findSecrets looks for every secret of these tests in all that the system left behind: the functions' logs, both tables,
// the bucket, the programs' own output, the APIs' answers and the requests to endpoints.
func (w *world) findSecrets(ctx context.Context) error {
	lines, err := w.noteLogs(ctx)
	if err != nil {
		return fmt.Errorf("reading the functions' logs: %w", err)
	}
	items, err := w.noteTables(ctx)
	if err != nil {
		return fmt.Errorf("reading the tables: %w", err)
	}
	if err := w.noteBucket(ctx); err != nil {
		return fmt.Errorf("reading the bucket: %w", err)
	}
	for _, name := range []string{"emulator.log", "receiver.log", express4Name + ".log"} {
		text, err := os.ReadFile(w.state.File(name))
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
		w.ledger.note(name, text)
	}
	hits := w.ledger.found()
	fmt.Printf("Looked for %d secrets in %d log lines, %d items and all else: %d found.\n", len(w.ledger.secrets), lines, items, len(hits))
	switch {
	case len(hits) > 0:
		return fmt.Errorf("secrets were emitted:\n%s", strings.Join(hits, "\n"))
	case lines == 0 || items == 0:
		return errors.New("the search for secrets saw no logs or no items, so it shows nothing")
	}
	return nil
}

// noteLogs reads all log events of all functions.
func (w *world) noteLogs(ctx context.Context) (lines int, err error) {
	var groups struct {
		LogGroups []struct{ LogGroupName string }
	}
	if err := w.callLogs(ctx, "DescribeLogGroups", map[string]any{}, &groups); err != nil {
		return 0, err
	}
	for _, g := range groups.LogGroups {
		next := ""
		for {
			in := map[string]any{"logGroupName": g.LogGroupName}
			if next != "" {
				in["nextToken"] = next
			}
			var page struct {
				Events    []struct{ Message string }
				NextToken string
			}
			if err := w.callLogs(ctx, "FilterLogEvents", in, &page); err != nil {
				return 0, err
			}
			for _, e := range page.Events {
				w.ledger.note("the functions' logs", []byte(e.Message))
			}
			lines += len(page.Events)
			if page.NextToken == "" || page.NextToken == next {
				break
			}
			next = page.NextToken
		}
	}
	return lines, nil
}

func (w *world) callLogs(ctx context.Context, action string, in, out any) error {
	body, err := json.Marshal(in)
	if err != nil {
		return err
	}
	return w.logs.Call(ctx, "POST", "/", body, out,
		"Content-Type", "application/x-amz-json-1.1", "X-Amz-Target", "Logs_20140328."+action)
}

// noteTables reads all items; what is compressed in them are bodies and templates, which the APIs show.
func (w *world) noteTables(ctx context.Context) (items int, err error) {
	for _, output := range []string{"ServiceTable", "DeliveriesTable"} {
		table := w.outputs[output]
		pages := dynamodb.NewScanPaginator(w.db, &dynamodb.ScanInput{TableName: &table})
		for pages.HasMorePages() {
			page, err := pages.NextPage(ctx)
			if err != nil {
				return 0, err
			}
			for _, item := range page.Items {
				w.noteAttribute("the table "+output, &types.AttributeValueMemberM{Value: item})
			}
			items += len(page.Items)
		}
	}
	return items, nil
}

func (w *world) noteAttribute(place string, v types.AttributeValue) {
	switch v := v.(type) {
	case *types.AttributeValueMemberS:
		w.ledger.note(place, []byte(v.Value))
	case *types.AttributeValueMemberB:
		w.ledger.note(place, v.Value)
	case *types.AttributeValueMemberM:
		for name, x := range v.Value {
			w.ledger.note(place, []byte(name))
			w.noteAttribute(place, x)
		}
	case *types.AttributeValueMemberL:
		for _, x := range v.Value {
			w.noteAttribute(place, x)
		}
	}
}

func (w *world) noteBucket(ctx context.Context) error {
	bucket := w.outputs["ParkedBucket"]
	pages := s3.NewListObjectsV2Paginator(w.s3, &s3.ListObjectsV2Input{Bucket: &bucket})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return err
		}
		for _, o := range page.Contents {
			got, err := w.s3.GetObject(ctx, &s3.GetObjectInput{Bucket: &bucket, Key: o.Key})
			if err != nil {
				return err
			}
			text, err := io.ReadAll(got.Body)
			_ = got.Body.Close()
			if err != nil {
				return err
			}
			w.ledger.note("the bucket", []byte(*o.Key))
			w.ledger.note("the bucket", text)
		}
	}
	return nil
}
