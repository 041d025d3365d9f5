package main

import (
	"cmp"
	"context"
	"debug/elf"
	"debug/gosym"
	"fmt"
	"maps"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
)

func functionNames() []string { return []string{"dispatcher", "retrier", "portal", "admin", "sweeper"} }

// printFunctions writes the table of all functions to standard error: it is no figure of its own.
func (b *bench) printFunctions(ctx context.Context, w *world, dispatcher float64) error {
	t := tabwriter.NewWriter(os.Stderr, 0, 0, 2, ' ', 0)
	printf(t, "\nfunction\tMiB\tzipped\tinit ms\tlongest in GODEBUG=inittrace=1 (ms); most code (KiB)\n")
	for _, name := range functionNames() {
		plain, zipped, err := b.sizes(name)
		if err != nil {
			return err
		}
		median := dispatcher
		if name != "dispatcher" {
			all, err := w.initTimes(ctx, name, otherStarts)
			if err != nil {
				return err
			}
			median = percentile(all, 50)
		}
		packages, err := w.initTrace(ctx, name)
		if err != nil {
			return err
		}
		code, err := b.code(name)
		if err != nil {
			return err
		}
		printf(t, "%s\t%.1f\t%.1f\t%.0f\t%s\n\t\t\t\t%s\n", name, plain, zipped, median, packages, code)
	}
	printf(t, "\n")
	return t.Flush()
}

var traceLine = regexp.MustCompile(`(?m)^init (\S+) @[0-9.]+ ms, ([0-9.]+) ms clock`)

// initTrace lists the five packages whose initialisation takes longest.
func (w *world) initTrace(ctx context.Context, name string) (string, error) {
	f, err := w.function(ctx, name, "GODEBUG=inittrace=1")
	if err != nil {
		return "", err
	}
	f.stop()
	text, err := os.ReadFile(f.errs.Name())
	if err != nil {
		return "", err
	}
	return longest(string(text), 5), nil
}

// longest picks packages from the text that GODEBUG=inittrace=1 makes.
func longest(trace string, most int) string {
	times := map[string]float64{}
	for _, m := range traceLine.FindAllStringSubmatch(trace, -1) {
		if v, err := strconv.ParseFloat(m[2], 64); err == nil {
			times[m[1]] = v
		}
	}
	return largest(times, most, "%s %.2g")
}

// code lists the five packages with the most code in a build for Lambda. It is stripped, but for the table that panics
// need.
func (b *bench) code(name string) (string, error) {
	f, err := elf.Open(b.lambdaBinary(name))
	if err != nil {
		return "", err
	}
	defer func() { _ = f.Close() }()
	lines, text := f.Section(".gopclntab"), f.Section(".text")
	if lines == nil || text == nil {
		return "", fmt.Errorf("%s: no table of its functions", b.lambdaBinary(name))
	}
	data, err := lines.Data()
	if err != nil {
		return "", err
	}
	table, err := gosym.NewTable(nil, gosym.NewLineTable(data, text.Addr))
	if err != nil {
		return "", err
	}
	sizes := map[string]float64{}
	for _, f := range table.Funcs {
		sizes[f.PackageName()] += float64(f.End-f.Entry) / 1024
	}
	return largest(sizes, 5, "%s %.0f"), nil
}

// largest lists the largest values with their names.
func largest(values map[string]float64, most int, format string) string {
	names := slices.SortedFunc(maps.Keys(values), func(a, b string) int {
		return cmp.Or(cmp.Compare(values[b], values[a]), cmp.Compare(a, b))
	})
	texts := make([]string, min(most, len(names)))
	for i := range texts {
		texts[i] = fmt.Sprintf(format, strings.TrimPrefix(names[i], "github.com/"), values[names[i]])
	}
	return strings.Join(texts, ", ")
}
