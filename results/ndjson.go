package results

import (
	"strconv"
	"strings"
)

// AppendPoint writes where a run stands on its axes, as a JSON object.
func AppendPoint(b []byte, point []Value) []byte { return appendPoint(b, point) }

// AppendJSON writes a run as one line of JSON: the columns of runs.csv under
// their names, the point as an object, and its reconnects as in --json. failed
// are the expectations that did not hold.
func (r *Run) AppendJSON(b []byte, failed []string) []byte {
	num := func(name string, n int64) {
		b = append(append(append(b, `, "`...), name...), `": `...)
		b = strconv.AppendInt(b, n, 10)
	}
	str := func(name, s string) {
		b = append(append(append(b, `, "`...), name...), `": `...)
		b = appendString(b, s)
	}
	list := func(name string, all []string) {
		b = append(append(append(b, `, "`...), name...), `": [`...)
		for i, s := range all {
			b = appendString(comma(b, i, ""), s)
		}
		b = append(b, ']')
	}
	b = strconv.AppendInt(append(b, `{"cell": `...), int64(r.Index), 10)
	b = appendPoint(append(b, `, "point": `...), r.Point)
	b = strconv.AppendUint(append(b, `, "seed": `...), r.Seed, 10)
	for i, a := range baseAxes {
		v := baseValue(&r.Meta, i)
		b = append(append(append(b, `, "`...), a.Column()...), `": `...)
		if a.Unit == "" {
			b = appendString(b, v.Text)
		} else {
			b = appendValue(b, v, 1)
		}
	}
	num("reconnects", r.Reconnects)
	num("reconnects_full", r.Fulls)
	num("reconnects_partial", r.Partials)
	num("gap_max_bytes", r.GapMax)
	for i, n := range ReasonNames() {
		num("full_"+strings.ReplaceAll(n, "-", "_"), r.Reasons[i])
	}
	b = appendSeconds(append(b, `, "down_max_s": `...), r.DownMax, 1)
	num("sync_full", r.SyncFull)
	num("sync_partial_ok", r.SyncPartialOK)
	num("sync_partial_err", r.SyncPartialNo)
	str("fingerprint", r.Fingerprint)
	list("warnings", r.Warnings)
	list("failed", failed)
	b = append(b, `, "resyncs": [`...)
	for i := range r.Resyncs {
		b = r.Resyncs[i].appendJSON(comma(b, i, ""))
	}
	return append(b, "]}\n"...)
}
