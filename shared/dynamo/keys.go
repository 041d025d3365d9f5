package dynamo

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash/fnv"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/cr3dentials/verification-webhooks/shared/env"
	"github.com/cr3dentials/verification-webhooks/shared/webhook"
)

// item is an item as DynamoDB has it.
type item = map[string]types.AttributeValue

// key is a primary key of either table. No partner or webhook id holds a `#` (webhook.ValidPartnerID), so that no two
// things have the same key and no partner's key leads into another's partition.
type key struct{ pk, sk string }

func (k key) attributes() item {
	return item{
		env.PartitionKey: &types.AttributeValueMemberS{Value: k.pk},
		env.SortKey:      &types.AttributeValueMemberS{Value: k.sk},
	}
}

// The service table.

const (
	partnerSort       = "PARTNER"
	webhookSortPrefix = "WEBHOOK#"
	detourSortPrefix  = "SLOW#"
	// webhookSortEnd follows every sort key of a webhook. Between partnerSort and it stand a partner, its webhooks'
	// detours and its webhooks, and nothing else: whatever shares their partition must sort outside.
	webhookSortEnd     = "WEBHOOK$"
	apiKeySortPrefix   = "KEY#"
	partnersPartition  = "PARTNERS"
	dataKeyPartition   = "DATAKEY"
	currentDataKeySort = "CURRENT"
)

func partnerPartition(partnerID string) string { return "P#" + partnerID }

func partnerKey(partnerID string) key { return key{partnerPartition(partnerID), partnerSort} }

func partnerPointerKey(partnerID string) key { return key{partnersPartition, partnerID} }

func webhookKey(partnerID, webhookID string) key {
	return key{partnerPartition(partnerID), webhookSortPrefix + webhookID}
}

func detourKey(partnerID, webhookID string) key {
	return key{partnerPartition(partnerID), detourSortPrefix + webhookID}
}

func credentialKey(id string) key { return key{"CRED#" + id, "CRED"} }

func apiKeyKey(partnerID, id string) key {
	return key{partnerPartition(partnerID), apiKeySortPrefix + id}
}

func answerKey(partnerID, answer string) key {
	return key{partnerPartition(partnerID) + "#ANSWERS", answer}
}

func statsPartition(partnerID, webhookID string) string {
	return "STATS#" + partnerID + "#" + webhookID
}

// hourLayout sorts as a string; an hour of one partition is one item.
const hourLayout = "2006-01-02T15"

func statsKey(partnerID, webhookID string, hour time.Time) key {
	return key{statsPartition(partnerID, webhookID), hour.UTC().Format(hourLayout)}
}

func outboxKey(e webhook.OutboxEvent) key {
	return key{env.OutboxPartition, outboxSort(e.At, e.ID)}
}

func outboxSort(at time.Time, id string) string { return fmt.Sprintf("%013d#%s", at.UnixMilli(), id) }

func requestsKey(partnerID string, now time.Time) key {
	return key{"REQUESTS#" + partnerID, strconv.FormatInt(now.Unix(), 10)}
}

func slotsPartition(partnerID string) string { return "SLOTS#" + partnerID }

func slotKey(partnerID string, slot int) key {
	return key{slotsPartition(partnerID), fmt.Sprintf("%04d", slot)}
}

func dataKeyKey(id string) key { return key{dataKeyPartition, "KEY#" + id} }

func currentDataKeyKey() key { return key{dataKeyPartition, currentDataKeySort} }

// The deliveries table.

const (
	deliverySortPrefix = "D#"
	bodySortPrefix     = "B#"
	jobSortPrefix      = "J#"
)

func webhookPartition(partnerID, webhookID string) string { return partnerID + "#" + webhookID }

func deliveryKey(r webhook.Ref) key {
	return key{webhookPartition(r.PartnerID, r.WebhookID), deliverySortPrefix + r.DeliveryID}
}

func bodyKey(r webhook.Ref) key {
	return key{webhookPartition(r.PartnerID, r.WebhookID), bodySortPrefix + r.DeliveryID}
}

// refOf reads a delivery's name from its primary key; ok is false for another kind of item.
func refOf(k key) (r webhook.Ref, ok bool) {
	partnerID, webhookID, found := strings.Cut(k.pk, "#")
	id, isDelivery := strings.CutPrefix(k.sk, deliverySortPrefix)
	return webhook.Ref{PartnerID: partnerID, WebhookID: webhookID, DeliveryID: id}, found && isDelivery
}

// jobKey is the place of the present job of a kind or, with an id, of an earlier one.
func jobKey(r webhook.JobRef) key {
	sk := jobSortPrefix + string(r.Kind)
	if r.ID != "" {
		sk += "#" + r.ID
	}
	return key{webhookPartition(r.PartnerID, r.WebhookID), sk}
}

// jobRefOf reads the place of a present job from its primary key; ok is false for what is no job.
func jobRefOf(k key) (r webhook.JobRef, ok bool) {
	partnerID, webhookID, found := strings.Cut(k.pk, "#")
	kind, isJob := strings.CutPrefix(k.sk, jobSortPrefix)
	return webhook.JobRef{PartnerID: partnerID, WebhookID: webhookID, Kind: webhook.JobKind(kind)}, found && isJob
}

// maxPlainVerificationID keeps an index key below DynamoDB's 2048 bytes; a longer id, which a verifications table may
// hold, is hashed there.
const maxPlainVerificationID = 512

func verificationPartition(partnerID, webhookID, verificationID string) string {
	return webhookPartition(partnerID, webhookID) + verificationSuffix(verificationID)
}

// verificationSuffix is what a key of the index by verification has after its webhook's partition.
func verificationSuffix(verificationID string) string {
	if len(verificationID) > maxPlainVerificationID {
		sum := sha256.Sum256([]byte(verificationID))
		verificationID = "#sha256#" + hex.EncodeToString(sum[:])
	}
	return "#" + verificationID
}

// dueShard spreads what is due over the partitions of the index: a delivery by its id, a job by its webhook and kind.
func dueShard(id string) string {
	h := fnv.New32a()
	h.Write([]byte(id))
	return strconv.Itoa(int(h.Sum32() % env.DueShards))
}
