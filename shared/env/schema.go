package env

// The keys and indexes of the two tables, once: infra creates them and shared/dynamo uses them. All are strings but
// DueSort. What stands in them is decided in shared/dynamo.
const (
	PartitionKey = "pk"
	SortKey      = "sk"
	TTLAttribute = "ttl" // unix seconds

	// OutboxPartition is the partition of the service table that holds the operational events still to be published.
	OutboxPartition = "OUTBOX"

	// ByVerification lists a webhook's deliveries of one verification. Keys only.
	ByVerification          = "byVerification"
	ByVerificationPartition = "vpk"
	ByVerificationSort      = SortKey

	// ByDue is sparse: what the sweeper must look at, in DueShards partitions. Keys only.
	ByDue          = "byDue"
	ByDuePartition = "dpk"
	ByDueSort      = "due" // number: unix milliseconds
	DueShards      = 8

	// ByHeld is sparse: what waits for a webhook's activation, in the order of its records. Keys and ByHeldState, by which
	// what is held is counted without what waits in another state.
	ByHeld          = "byHeld"
	ByHeldPartition = "hpk"
	ByHeldSort      = "hsk"
	ByHeldState     = "st"
)
