package env

// The keys and indexes of the two tables, once: infra creates them and shared/dynamo uses them. All are strings but
// DueSort. What stands in them is decided in shared/dynamo.
const (
	PartitionKey = "pk"
	SortKey      = "sk"
	TTLAttribute = "ttl" // unix seconds

	// ByVerification lists a webhook's deliveries of one verification. Keys only.
	ByVerification          = "byVerification"
	ByVerificationPartition = "vpk"
	ByVerificationSort      = SortKey

	// ByDue is sparse: what the sweeper must look at, in DueShards partitions. Keys only.
	ByDue          = "byDue"
	ByDuePartition = "dpk"
	ByDueSort      = "due" // number: unix milliseconds
	DueShards      = 8

	// ByHeld is sparse: what is held for a webhook, in the order of its records. Keys only.
	ByHeld          = "byHeld"
	ByHeldPartition = "hpk"
	ByHeldSort      = "hsk"
)
