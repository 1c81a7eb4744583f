package logs

import "time"

// observed writes what the servers did. Of a single replica only: what is
// compared is the order of its reconnects.
func (w *writer) observed() {
	if len(w.names) != 1 {
		w.note("the verdicts of %d replicas are not compared: only those of one can be", len(w.names))
		return
	}
	before := len(w.notes)
	all := w.inside()
	w.notes = w.notes[:before]
	if len(all) == 0 {
		return
	}
	w.line("observed:")
	for _, r := range all {
		kind := "partial"
		if r.Full {
			kind = "full"
		}
		switch {
		case r.Gap.AtMost: // less what was written while the answer waited for its snapshot
			gap := max(r.Gap.N-w.written(r.Asked, r.Judged), 0)
			w.line("  - {at: %s, kind: %s, gap: %dB, within: %dB}   # at most %d: the answer waited", w.at(r.Asked), kind, gap, w.unknown(r.Lost)+w.unknown(r.Asked)+w.unknown(r.Judged), r.Gap.N)
		case r.Gap.Known:
			w.line("  - {at: %s, kind: %s, gap: %dB, within: %dB}", w.at(r.Judged), kind, r.Gap.N, w.unknown(r.Lost)+w.unknown(r.Judged))
		default:
			w.line("  - {at: %s, kind: %s, gap: 0B, within: 1000GB}   # its gap is not in the logs", w.at(r.Judged), kind)
		}
	}
}

// unknown is how much was written between the samples around a time: by so much
// the load may be off.
func (w *writer) unknown(t time.Time) int64 {
	for i := 1; i < len(w.r.Load); i++ {
		if a, b := w.r.Load[i-1], w.r.Load[i]; !a.At.After(t) && t.Before(b.At) {
			return b.Offset - a.Offset
		}
	}
	return 0
}

// written is what the load has between two times, evenly between two samples.
func (w *writer) written(from, to time.Time) int64 { return w.offset(to) - w.offset(from) }

func (w *writer) offset(t time.Time) int64 {
	load := w.r.Load
	for i := 1; i < len(load); i++ {
		if a, b := load[i-1], load[i]; t.Before(b.At) {
			if t.Before(a.At) {
				return a.Offset
			}
			return a.Offset + int64(float64(b.Offset-a.Offset)*t.Sub(a.At).Seconds()/b.At.Sub(a.At).Seconds())
		}
	}
	return load[len(load)-1].Offset
}
