package logs

import (
	"regexp"
	"slices"
	"sort"
	"strconv"
	"time"
)

// apart is how far two servers' clocks may differ for one event.
const apart = 30 * time.Second

// fullMost is how long a full synchronization may take to be recognized as one.
const fullMost = time.Hour

// match holds what the masters say against what the replicas say. Where there is
// no replica's log, the masters' word is all there is.
func (s *Story) match() {
	used := make([]bool, len(s.events))
	for i := range s.Resyncs {
		s.verdict(&s.Resyncs[i], used)
		s.cut(&s.Resyncs[i])
	}
	s.alone(used)
}

// find is the nearest event in time that fits, within limits.
func (s *Story) find(at time.Time, used []bool, fits func(*entry) bool) int {
	best := -1
	for i := s.since(at.Add(-apart)); i < len(s.events); i++ {
		e := &s.events[i]
		if e.At.Sub(at) > apart {
			break
		}
		if used != nil && used[i] || !fits(e) {
			continue
		}
		if best < 0 || abs(e.At.Sub(at)) < abs(s.events[best].At.Sub(at)) {
			best = i
		}
	}
	return best
}

// since is the first event at a time or after it.
func (s *Story) since(at time.Time) int {
	return sort.Search(len(s.events), func(i int) bool { return !s.events[i].At.Before(at) })
}

func abs(d time.Duration) time.Duration {
	if d < 0 {
		return -d
	}
	return d
}

// verdict finds the master's words on one resynchronization.
func (s *Story) verdict(r *Resync, used []bool) {
	i := s.find(r.Asked, used, func(e *entry) bool {
		if !r.Full {
			return e.kind == accepted && (r.Request == 0 || e.offset == r.Request)
		}
		switch e.kind {
		case lackOfBacklog:
			return r.Request <= 0 && r.ID == "" || e.offset == r.Request
		case secondOffset:
			return e.offset == r.Request
		case idMismatch:
			return r.ID != "" && e.id == r.ID
		case asksFull:
			return r.Request <= 0
		}
		return false
	})
	if i < 0 {
		return
	}
	used[i] = true
	e := &s.events[i]
	r.judge, r.told = e.server, e.At
	r.Lines = append(r.Lines, e.Place())
	switch e.kind {
	case accepted:
		r.Request = e.offset
		r.Gap = Bytes{N: e.bytes, Known: true}
		r.Offset, r.HasOff = e.offset+e.bytes-1, true
		s.points = append(s.points, point{r.Judged, r.ID, r.Offset})
	case lackOfBacklog:
		r.Request = e.offset
		if r.HasOff && r.Request <= r.Offset+1 {
			r.Reason, r.Gap = BelowBacklog, Bytes{N: r.Offset + 1 - r.Request, Known: true, AtMost: r.Gap.AtMost}
		} else if r.HasOff {
			r.Reason = AheadOfMaster
		}
		s.late(r, e)
	case secondOffset:
		r.Reason, r.Gap = SecondOffset, Bytes{}
	case idMismatch:
		r.Reason, r.Gap = IDMismatch, Bytes{}
	case asksFull:
		r.Reason = FirstSync
	}
}

// late looks whether the snapshot began later than the verdict: its offset, from
// which the gap is counted, is then that of the later moment.
func (s *Story) late(r *Resync, judged *entry) {
	for i := s.since(judged.At); i < len(s.events); i++ {
		e := &s.events[i]
		if e.At.Sub(judged.At) > apart {
			return
		}
		if e.File != judged.File {
			continue
		}
		switch e.kind {
		case bgsave:
			r.Gap.AtMost = r.Gap.Known && e.At.Sub(judged.At) > atOnce
			return
		case bgsaveDelayed:
			r.Gap.AtMost = r.Gap.Known
			return
		}
	}
}

// cut finds out whether a master closed the link, and why.
func (s *Story) cut(r *Resync) {
	if r.Lost.IsZero() {
		return
	}
	near := func(k kind, within time.Duration) int {
		i := s.find(r.Lost, nil, func(e *entry) bool { return e.kind == k })
		if i >= 0 && abs(s.events[i].At.Sub(r.Lost)) <= within {
			return i
		}
		return -1
	}
	if i := near(bufferExceeded, 2*time.Second); i >= 0 {
		r.LostWhy = LostBuffer
		r.Lines = append(r.Lines, s.events[i].Place())
	} else if i := near(replicaTimed, 2*time.Second); i >= 0 && r.LostWhy == LostClosed {
		r.LostWhy = LostMaster
		r.Lines = append(r.Lines, s.events[i].Place())
	}
}

// alone makes resynchronizations of what only a master says.
func (s *Story) alone(used []bool) {
	down := map[string]time.Time{}
	for i := range s.events {
		e := &s.events[i]
		if e.kind == replicaLost || e.kind == replicaTimed {
			down[e.peer] = e.At
			continue
		}
		if used[i] {
			delete(down, e.peer)
			continue
		}
		r := Resync{Replica: e.peer, Asked: e.At, Judged: e.At, Lines: []string{e.Place()}, judge: e.server, told: e.At}
		switch e.kind {
		case accepted:
			r.Request, r.Gap = e.offset, Bytes{N: e.bytes, Known: true}
			r.Offset, r.HasOff = e.offset+e.bytes-1, true
			s.points = append(s.points, point{e.At, "", r.Offset})
		case lackOfBacklog:
			r.Full, r.Reason, r.Request = true, BelowBacklog, e.offset
		case idMismatch:
			r.Full, r.Reason, r.ID = true, IDMismatch, e.id
		case secondOffset:
			r.Full, r.Reason, r.Request = true, SecondOffset, e.offset
		case asksFull:
			r.Full, r.Reason = true, FirstSync
		default:
			continue
		}
		if r.Replica == "" {
			r.Replica = "replica"
		}
		if at, ok := down[e.peer]; ok {
			r.Lost, r.LostWhy = at, LostClosed
			delete(down, e.peer)
		}
		s.ended(&r, e)
		s.Resyncs = append(s.Resyncs, r)
	}
}

// ended finds the end of a full one in its master's log.
func (s *Story) ended(r *Resync, judged *entry) {
	if !r.Full {
		return
	}
	for i := s.since(judged.At); i < len(s.events); i++ {
		e := &s.events[i]
		if e.At.Sub(judged.At) > fullMost {
			return
		}
		if e.File != judged.File || !e.At.After(judged.At) || e.peer != judged.peer {
			continue
		}
		switch e.kind {
		case online:
			r.Finished = e.At
			return
		case replicaLost, replicaTimed:
			r.Failed = "the connection was lost"
			return
		case asks:
			return
		}
	}
}

// omem is what the master said that an output buffer held when it was closed.
var omem = regexp.MustCompile(`\bomem=(\d+)`)

// measure fills in what follows from known offsets: the output buffer that a
// full synchronization needed.
func (s *Story) measure() {
	slices.SortStableFunc(s.points, func(a, b point) int { return a.at.Compare(b.at) })
	for i := range s.Resyncs {
		r := &s.Resyncs[i]
		if !r.Full || !r.HasOff || r.Finished.IsZero() {
			continue
		}
		if n, ok := s.written(r.Judged, r.Finished); ok {
			r.Buffer = Bytes{N: n, Known: true, Guessed: true}
		}
	}
	for i := range s.events { // a buffer that was too small tells its size
		e := &s.events[i]
		if e.kind != bufferExceeded {
			continue
		}
		m := omem.FindStringSubmatch(e.message.text)
		if m == nil {
			continue
		}
		n, _ := strconv.ParseInt(m[1], 10, 64)
		k := sort.Search(len(s.Resyncs), func(k int) bool { return !s.Resyncs[k].Judged.Before(e.At) })
		for k--; k >= 0 && e.At.Sub(s.Resyncs[k].Judged) < fullMost; k-- {
			if r := &s.Resyncs[k]; r.Full && r.Failed != "" && n > r.Buffer.N {
				r.Buffer = Bytes{N: n, Known: true}
				break
			}
		}
	}
}

// written is how much a master wrote between two times, by the offsets known
// before and after.
func (s *Story) written(from, to time.Time) (int64, bool) {
	before := sort.Search(len(s.points), func(i int) bool { return s.points[i].at.After(from) }) - 1
	after := sort.Search(len(s.points), func(i int) bool { return !s.points[i].at.Before(to) && s.points[i].at.After(from) })
	if before < 0 || after == len(s.points) {
		return 0, false
	}
	a, b := s.points[before], s.points[after]
	if a.id != b.id && a.id != "" && b.id != "" || b.offset < a.offset {
		return 0, false
	}
	return scale(b.offset-a.offset, to.Sub(from), b.at.Sub(a.at)), true
}

// scale is n × part ÷ whole, in whole numbers.
func scale(n int64, part, whole time.Duration) int64 {
	if whole <= 0 {
		return n
	}
	a, b := int64(part/time.Microsecond), int64(whole/time.Microsecond)
	if b == 0 {
		return n
	}
	return n/b*a + n%b*a/b
}
