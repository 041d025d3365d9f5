package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// month is what a deployment of stage prod costs in a month in which nothing happens.
type month struct {
	items []item
	why   []string
}

// Hours of a month; Lambda's pollers of an idle queue, and how long one request of theirs waits.
const (
	monthHours   = 730.0
	idlePollers  = 5
	idlePoll     = 20.0
	runsAMonth   = monthHours * 60 // of the sweeper
	idleMeasured = 10
)

// month counts an idle sweeper's run on its binary. How many alarms and keys there are, infra's tests take from the
// template of stage prod and write to testdata.
func (b *bench) month(ctx context.Context) (month, error) {
	has, err := b.monthly()
	if err != nil {
		return month{}, err
	}
	s, err := b.newStage(ctx, "sweeper")
	if err != nil {
		return month{}, err
	}
	defer s.close()
	if err := s.sweep(ctx, nil); err != nil { // opens connections
		return month{}, err
	}
	counted := map[string]*spent{}
	s.count(counted)
	for range idleMeasured {
		if err := s.sweep(ctx, nil); err != nil {
			return month{}, err
		}
	}
	u := counted["sweeper"].usage
	u.Deliveries = idleMeasured * 1e6 / runsAMonth // so that a "million" is a month
	u.Over = monthHours * 3600e9
	var m month
	add := func(what string, dollars float64, why string, args ...any) {
		m.items, m.why = append(m.items, item{what, dollars}), append(m.why, fmt.Sprintf(why, args...))
	}
	add("alarms", float64(has["alarms"])*priceAlarm, "%d at %.2f", has["alarms"], priceAlarm)
	add("dashboards", float64(has["dashboards"])*priceDashboard, "%d at %.2f", has["dashboards"], priceDashboard)
	add("keys", float64(has["keys"])*priceMasterKey, "%d of KMS at %.2f (the first two yearly rotations add 1.00 each)", has["keys"], priceMasterKey)
	tracing := dollarsOf(u.bill(), "tracing")
	add("tracing of the sweeper", tracing, "%.0f runs, the first of each second is recorded", runsAMonth)
	add("the sweeper's runs", total(u.bill())-tracing, "%.0f of %.0f MB, each with %.2f read units, %.0f requests to SQS and %.0f bytes of logs",
		runsAMonth, u.MemoryMB, sum(u.Counts.RCU)/u.Invocations, float64(u.Counts.Calls["SQS.GetQueueAttributes"])/u.Invocations,
		u.LogBytes/u.Invocations+platformLogBytes)
	polls := idlePollers * monthHours * 3600 / idlePoll
	add("polling the delivery queue", polls*priceMessage, "%.0f requests: Lambda's %d pollers wait %.0f s each", polls, idlePollers, idlePoll)
	return m, nil
}

// monthly reads what is paid by the month from infra's testdata.
func (b *bench) monthly() (map[string]int, error) {
	text, err := os.ReadFile(filepath.Join(b.root, "infra", "testdata", "monthly.txt"))
	if err != nil {
		return nil, err
	}
	has := map[string]int{}
	for l := range strings.Lines(string(text)) {
		var n int
		var what string
		if _, err := fmt.Sscanf(l, "%d %s", &n, &what); err == nil {
			has[what] = n
		}
	}
	if has["alarms"] == 0 || has["keys"] == 0 {
		return nil, fmt.Errorf("infra/testdata/monthly.txt tells of no alarms or no keys")
	}
	return has, nil
}
