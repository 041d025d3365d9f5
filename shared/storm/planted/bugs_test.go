package planted

// bugs are the planted mistakes with the seeds that make storm-planted found.
var bugs = []bug{
	{
		name: "one-after-the-other", file: "shared/delivery/dispatch.go",
		old:  `group: e.group(maxAtOnce), errs`,
		new:  `group: e.group(1), errs`,
		seed: 8, invariant: "I10 no endpoint delays others in its batch",
	},
	{
		name: "acknowledged-before-stored", file: "shared/delivery/engine.go",
		old: `	stored, detour, err := e.send(ctx, d, w, s, t)
	if err != nil {
		return err
	}
	if manual`,
		new: `	stored, detour, err := e.send(ctx, d, w, s, t)
	if err != nil {
		return nil
	}
	if manual`,
		seed: 80, invariant: "I11 the world comes to rest",
	},
	{
		name: "redelivery-swallowed", file: "shared/delivery/first.go",
		old: `	case webhook.CodeOf(err) == webhook.Conflict:
		return e.resume(ctx, d.Ref())
	case err != nil:`,
		new: `	case webhook.CodeOf(err) == webhook.Conflict:
		return nil
	case err != nil:`,
		seed: 2, invariant: "I11 the world comes to rest",
	},
	{
		name: "no-row-in-the-log", file: "shared/webhook/delivery.go",
		old: `	d.log(a)
	d.Attempts = a.Number`,
		new:  `	d.Attempts = a.Number`,
		seed: 1, invariant: "I3 attempts are numbered without a gap",
	},
	{
		name: "stream-failures-not-reported", file: "shared/lambdarun/batch.go",
		old: `	if lowest != nil {
		out`,
		new: `	if false {
		out`,
		seed: 3, invariant: "I11 the world comes to rest",
	},
	{
		name: "highest-number-reported", file: "shared/lambdarun/batch.go",
		old:  `lowest == nil || n.Cmp(lowest) < 0`,
		new:  `lowest == nil || n.Cmp(lowest) > 0`,
		seed: 39, invariant: "I11 the world comes to rest",
	},
	{
		name: "claim-never-live", file: "shared/webhook/delivery.go",
		old:  `return c != nil && now.Before(c.LeaseUntil)`,
		new:  `return false`,
		seed: 3, invariant: "I5 an attempt is repeated only if its outcome is not known",
	},
	{
		name: "lease-too-short", file: "shared/webhook/delivery.go",
		old:  `	Lease = 30 * time.Second`,
		new:  `	Lease = 30 * time.Millisecond`,
		seed: 1, invariant: "I11 the world comes to rest",
	},
	{
		name: "stale-round-switches-off", file: "shared/delivery/engine.go",
		old:  `if w.Generation != d.Generation || !w.Deactivate(`,
		new:  `if !w.Deactivate(`,
		seed: 4, invariant: "I6 only a round under the present generation switches off",
	},
	{
		name: "ladder-one-step-early", file: "shared/retry/retry.go",
		old:  `ladder[finished-1]`,
		new:  `ladder[max(finished-2, 0)]`,
		seed: 2, invariant: "I4 the ladder between attempts",
	},
	{
		name: "ladder-one-step-late", file: "shared/retry/retry.go",
		old:  `	1 * time.Second, 2 * time.Second, 4 * time.Second, 8 * time.Second, 16 * time.Second,`,
		new:  `	2 * time.Second, 4 * time.Second, 8 * time.Second, 16 * time.Second, 32 * time.Second,`,
		seed: 8, invariant: "I4 the ladder between attempts",
	},
	{
		name: "seventh-attempt", file: "shared/retry/retry.go",
		old:  `const MaxAttempts = 6`,
		new:  `const MaxAttempts = 7`,
		seed: 1, invariant: "I5 no seventh attempt in a round",
	},
	{
		name: "redirect-is-success", file: "shared/webhook/http.go",
		old:  `status >= 200 && status <= 299`,
		new:  `status >= 200 && status <= 399`,
		seed: 2, invariant: "I2 delivered means that the endpoint answered 2xx",
	},
	{
		name: "body-changed-on-retry", file: "shared/delivery/request.go",
		old: `	current, next := w.SigningKeys(s, now)
`,
		new: `	if attempt > 1 {
		body = append(append([]byte(nil), body...), '\n')
	}
	current, next := w.SigningKeys(s, now)
`,
		seed: 1, invariant: "I8 the same bytes on every attempt",
	},
	{
		name: "interruption-charged", file: "shared/webhook/delivery.go",
		old: `	d.Interruptions++
`,
		new: `	d.Interruptions++
	d.RoundAttempts++
`,
		seed: 1, invariant: "I5 a round is six failed attempts",
	},
	{
		name: "suspension-ignored", file: "shared/delivery/first.go",
		old:  `on := w.Active && !a.read.partner.Suspended`,
		new:  `on := w.Active`,
		seed: 1, invariant: "I7 nothing is sent for a suspended partner",
	},
	{
		name: "held-retry-sent", file: "shared/delivery/receive.go",
		old: `	if !w.Active || p.Suspended {
		d.Hold`,
		new: `	if p.Suspended {
		d.Hold`,
		seed: 1, invariant: "I7 nothing is sent for a webhook that is off",
	},
	{
		name: "discard-takes-later-events", file: "shared/webhook/webhook.go",
		old:  `d.Generation < w.DiscardBelow`,
		new:  `d.Generation <= w.DiscardBelow`,
		seed: 2, invariant: "I1 only a deletion or a discarding cancels",
	},
	{
		name: "activation-keeps-generation", file: "shared/webhook/webhook.go",
		old: `	w.Active, w.EverActive, w.Deactivation = true, true, nil
	w.Generation++
`,
		new: `	w.Active, w.EverActive, w.Deactivation = true, true, nil
`,
		seed: 2, invariant: "I6 an edit and an activation make a new generation",
	},
	{
		name: "old-secret-dropped-at-once", file: "shared/webhook/rotation.go",
		old: `		return s.Signing, s.Next
`,
		new: `		return s.Next, s.Next
`,
		seed: 4, invariant: "I8 signed with a secret of that time",
	},
	{
		name: "parking-not-checked", file: "shared/delivery/dispatch.go",
		old: `	if err := e.Objects.Park(ctx, p); err != nil {
		return err
	}
	e.Log`,
		new: `	if err := e.Objects.Park(ctx, p); err != nil {
		return nil
	}
	e.Log`,
		seed: 15, invariant: "I14 exactly the bad records are parked",
	},
	{
		name: "secret-logged", file: "shared/delivery/engine.go",
		old: `	resp := e.Sender.Send(ctx, req)
	a := webhook.Attempt{
`,
		new: `	e.Log.LogAttrs(ctx, slog.LevelInfo, "sending", slog.String("key", s.Signing))
	resp := e.Sender.Send(ctx, req)
	a := webhook.Attempt{
`,
		seed: 1, invariant: "I12 no secret in any log line",
	},
	{
		name: "no-grace-for-new-webhooks", file: "shared/webhook/webhook.go",
		old:  `!w.CreatedAt.After(e.OccurredAt.Add(grace))`,
		new:  `!w.CreatedAt.After(e.OccurredAt)`,
		seed: 3, invariant: "I1 no event is lost",
	},
	{
		name: "drain-ignores-deactivation", file: "shared/delivery/jobs.go",
		old: `		if err != nil || !w.Active || p.Suspended {
`,
		new: `		if err != nil || p.Suspended {
`,
		seed: 2, invariant: "I7 nothing is sent for a webhook that is off",
	},
	{
		name: "drain-does-not-wait", file: "shared/delivery/jobs.go",
		old: `	if j.Current == "" {
		return false, nil`,
		new: `	if j.Current != "." {
		return false, nil`,
		seed: 1, invariant: "I15 a drain has one delivery on its way",
	},
	{
		name: "drain-forgets-what-tripped", file: "shared/webhook/webhook.go",
		old:  `return d.Generation >= w.DiscardBelow && (d.Generation == w.Generation || d.Generation == w.OffGeneration)`,
		new:  `return false`,
		seed: 1, invariant: "I15 an activation brings what tripped the switch",
	},
	{
		name: "drain-newest-first", file: "shared/delivery/source.go",
		old: `		ref := s.ahead[0]
			s.ahead = s.ahead[1:]
`,
		new: `		ref := s.ahead[len(s.ahead)-1]
			s.ahead = s.ahead[:len(s.ahead)-1]
`,
		seed: 1, invariant: "I15 a drain keeps the order of records",
	},
	{
		name: "late-held-not-drained", file: "shared/delivery/sweep.go",
		old: `	case w.Active && !p.Suspended:
		return d.State, e.overdueDrain(ctx, d, &w)
`,
		new: `	case w.Active && !p.Suspended && d.State == webhook.StatePending:
		return d.State, e.overdueDrain(ctx, d, &w)
`,
		seed: 73, invariant: "I11 the world comes to rest",
	},
	{
		name: "resend-counts-for-the-round", file: "shared/webhook/delivery.go",
		old: `	if a.Manual {
		d.ResendAt = time.Time{}
	} else {
		d.RoundAttempts++
	}
`,
		new: `	d.ResendAt = time.Time{}
	d.RoundAttempts++
`,
		seed: 2, invariant: "I16 an attempt by hand is outside the round",
	},
	{
		name: "failed-resend-exhausts", file: "shared/delivery/engine.go",
		old: `	case a.Manual:
		d.KeepState()
		return change, nil
`,
		new:  ``,
		seed: 1035, invariant: "I1 a state follows from another",
	},
	{
		name: "recovery-started-twice", file: "shared/portal/recover.go",
		old: `		if present.State == webhook.JobRunning {
`,
		new: `		if present.State == webhook.JobDone {
`,
		seed: 2, invariant: "I17 one recovery at a time",
	},
	{
		name: "outbox-removed-unpublished", file: "shared/delivery/outbox.go",
		old: `	accepted, err := e.Bus.Publish(ctx, events)
	if len(accepted) == 0 {
		return events, err
	}
`,
		new: `	_, err = e.Bus.Publish(ctx, events)
	accepted := events
`,
		seed: 2, invariant: "I13 each cause is told once",
	},
	{
		name: "outbox-left-alone", file: "shared/delivery/outbox.go",
		old: `	before := s.Now().Add(-outboxAge)
`,
		new: `	before := s.Now().Add(-24 * time.Hour)
`,
		seed: 1, invariant: "I11 the world comes to rest",
	},
	{
		name: "undeliverable-not-told", file: "shared/delivery/engine.go",
		old: `		Outbox: []webhook.OutboxEvent{e.event(webhook.DeliveryUndeliverable, d, reason)},
`,
		new:  ``,
		seed: 1, invariant: "I13 each cause is told once",
	},
	{
		name: "lost-answer-taken-for-failure", file: "shared/delivery/engine.go",
		old: `		if stored.Claim == nil || stored.Claim.Owner != owner {
`,
		new: `		if stored.Claim != nil && stored.Claim.Owner != owner {
`,
		seed: 2, invariant: "I5 a round is six failed attempts",
	},
	{
		name: "probe-without-asking", file: "shared/webhook/webhook.go",
		old:  `return w.AutoReactivate && w.Deactivation != nil`,
		new:  `return w.Deactivation != nil`,
		seed: 7, invariant: "I18 probes go to those who want them",
	},
	{
		name: "deactivation-not-told", file: "shared/delivery/engine.go",
		old: `	change.Outbox = []webhook.OutboxEvent{e.event(webhook.WebhookDeactivated, d, string(webhook.ReasonFailures))}
`,
		new:  ``,
		seed: 1, invariant: "I13 each cause is told once",
	},
	{
		name: "unparked-before-handled", file: "shared/delivery/redrive.go",
		old: `	stays := false
	switch`,
		new: `	_ = e.Objects.Unpark(ctx, parkedID)
	stays := false
	switch`,
		seed: 23, invariant: "I14 exactly the bad records are parked",
	},
	{
		name: "only-the-first-webhook", file: "shared/delivery/dispatch.go",
		old:  `for i := range r.webhooks {`,
		new:  `for i := range r.webhooks[:min(1, len(r.webhooks))] {`,
		seed: 1, invariant: "I1 no event is lost",
	},
	{
		name: "interrupted-for-ever", file: "shared/delivery/receive.go",
		old: `		case d.Interruptions < webhook.MaxInterruptions:
`,
		new: `		case d.Interruptions >= 0:
`,
		seed: 3, invariant: "I5 three interruptions and no more",
	},
	{
		name: "expires-early", file: "shared/delivery/sweep.go",
		old: `	case d.State == webhook.Held && !d.HeldUntil.After(now):
`,
		new: `	case d.State == webhook.Held:
`,
		seed: 1, invariant: "I1 nothing expires before its hold time",
	},
	{
		name: "answer-not-kept", file: "shared/portal/create.go",
		old:  `webhook.Change{Partner: &partner, Webhook: w, Answer: answer}`,
		new:  `webhook.Change{Partner: &partner, Webhook: w}`,
		seed: 1, invariant: "I19 a repeated creation makes one webhook",
	},
}
