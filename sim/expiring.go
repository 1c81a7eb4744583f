package sim

import "psyncsim/model"

// expiring is the keys of one command of a load, numbered in the order in which
// they are written.
type expiring struct {
	load                 *load
	before, times, cycle int64 // the command's place in the load's cycle
	parts, each          int64 // commands and keys with a time to live in one command
	keyLen               int
	ttl                  int64  // ms; 0 is for ever
	weight               int64  // bytes of memory that a key takes
	word                 string // the key's name, where it is always the same
	period               int64  // so many commands later the load writes the same key; 0 is never
	there                []keyRun
	added                int64 // keys below it were written or never will be
}

// upto is how many keys the first k commands of the load wrote.
func (x *expiring) upto(k int64) int64 {
	r := min(max(k%x.cycle-x.before, 0), x.times)
	return (k/x.cycle*x.times + r) * x.each
}

// command is the load's command that wrote a key.
func (x *expiring) command(key int64) int64 {
	j := key / x.each
	return j/x.times*x.cycle + x.before + j%x.times
}

// name is a key as its command wrote it.
func (x *expiring) name(key int64) []byte {
	if x.word != "" {
		return []byte(x.word)
	}
	n := x.command(key)*x.parts + key%x.each
	if x.parts > 1 {
		n++ // MULTI comes first
	}
	c := clip{to: longest}
	c.key(n, x.keyLen)
	return c.dst
}

// ends is when the time of a key is over: its milliseconds count on the server's
// clock, and the last of them still belongs to it.
func (x *expiring) ends(key int64, wall int64) model.Instant {
	at := x.load.when(x.command(key))
	if at == model.Never || x.ttl == 0 {
		return model.Never
	}
	ms := (int64(at)+wall)/million + x.ttl
	return model.Instant((ms+1)*million - wall)
}

// over is how many keys, from the first one ever on, have a time that is over.
func (x *expiring) over(now model.Instant, wall int64) int64 {
	last := ((int64(now)+wall)/million-x.ttl)*million - wall - 1
	if last < 0 || x.ttl == 0 {
		return 0
	}
	return x.upto(x.load.upto(model.Instant(last)))
}

// head is the oldest key that is there, or the next one to be written by a load
// that has come to an instant.
func (x *expiring) head(now model.Instant) int64 {
	if len(x.there) == 0 {
		return max(x.added, x.upto(x.load.upto(now)))
	}
	return x.there[0].from
}

// drop forgets the keys before one.
func (x *expiring) drop(to int64) {
	for len(x.there) > 0 && x.there[0].from < to {
		if x.there[0].to > to {
			x.there[0].from = to
			return
		}
		x.there = x.there[1:]
	}
}

// write notes that the load's commands [first, next) were executed.
func (x *expiring) write(first, next int64) {
	from, to := x.upto(first), x.upto(next)
	if from < to {
		if n := len(x.there); n > 0 && x.there[n-1].to == from {
			x.there[n-1].to = to
		} else {
			x.there = append(x.there, keyRun{from, to})
		}
	}
	x.added = to
	if x.period > 0 { // keys that were written again begin anew
		x.drop(x.upto(max(0, next-x.period)))
	}
}

// has says whether a key is there.
func (x *expiring) has(key int64) bool {
	for _, r := range x.there {
		if key >= r.from && key < r.to {
			return true
		}
	}
	return false
}
