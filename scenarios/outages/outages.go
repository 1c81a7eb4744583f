package outages

import (
	"cmp"
	"fmt"
	"math/bits"
	"slices"
	"strings"
	"time"

	"psyncsim/sim"
)

// Kind is what an outage does: to the link, or to a process.
type Kind string

// The kinds. What their duration is: how long the link is cut, or no process
// runs; until the replica is promoted (Failover); how long writes wait
// (Switchover, where there is no FAILOVER).
const (
	Reset          Kind = "reset"           // both ends are told, connects are refused until it ends
	Silent         Kind = "silent"          // nobody is told; bytes and connects vanish
	Restart        Kind = "restart"         // the master's process is told to shut down, and comes again
	Crash          Kind = "crash"           // the master's process is killed, and comes again
	Failover       Kind = "failover"        // the master's process is killed, and a replica takes its place
	Switchover     Kind = "switchover"      // a replica takes the master's place in order
	ReplicaRestart Kind = "replica-restart" // the replica's process is told to shut down, and comes again
)

// Kinds are all kinds.
func Kinds() []Kind {
	return []Kind{Reset, Silent, Restart, Crash, Failover, Switchover, ReplicaRestart}
}

// Heir says that a replica takes the master's place.
func (k Kind) Heir() bool { return k == Failover || k == Switchover }

// Process says that a process ends, or changes its place: the replica has to
// ask for a resynchronization.
func (k Kind) Process() bool { return k != Reset && k != Silent }

func kindNames() string {
	var names []string
	for _, k := range Kinds() {
		names = append(names, string(k))
	}
	return strings.Join(names, ", ")
}

// Outage is one outage.
type Outage struct {
	For  time.Duration // above 0
	Kind Kind
}

// Distribution says how long outages last and of which kind they are. It does
// not change; any number of goroutines may use it.
type Distribution struct {
	text  string
	parts []part
}

// part is one term of a mixture: a list or a table.
type part struct {
	weight int64    // parts per billion of all outages
	kind   Kind     // of a table
	list   []Outage // by duration; each as likely as the others
	table  *table
}

// whole is the sum of all weights.
const whole = int64(1e9)

// List is the distribution in which each of some outages is as likely as the
// others. An error says what is wrong with them; name is for String.
func List(name string, all []Outage) (*Distribution, error) {
	if len(all) == 0 {
		return nil, fmt.Errorf("%s: no outage in it", name)
	}
	for i, o := range all {
		if o.For <= 0 || o.For > maxDuration || !slices.Contains(Kinds(), o.Kind) {
			return nil, fmt.Errorf("%s: outage %d lasts %v (%s); expected more than 0, at most %v, and one of %v", name, i+1, o.For, o.Kind, maxDuration, Kinds())
		}
	}
	d := &Distribution{parts: []part{{weight: whole, list: sorted(all)}}}
	d.text = fmt.Sprintf("%d outages of %s", len(all), name)
	if len(all) == 1 {
		d.text = string(all[0].Kind) + ":" + all[0].For.String()
	}
	return d, nil
}

func sorted(all []Outage) []Outage {
	all = slices.Clone(all)
	slices.SortStableFunc(all, func(a, b Outage) int {
		return cmp.Or(cmp.Compare(a.For, b.For), cmp.Compare(a.Kind, b.Kind))
	})
	return all
}

// The stream of chance that outages come from; sim has those below.
const stream = 64 << 32

// Draw is outage number index of a seed: the same whoever asks, in any order.
func (d *Distribution) Draw(seed, index uint64) Outage {
	p := &d.parts[0]
	if len(d.parts) > 1 {
		u := scale(sim.Draw(seed, stream, index, 0), whole)
		for i := range d.parts {
			if p = &d.parts[i]; u < p.weight {
				break
			}
			u -= p.weight
		}
	}
	return p.at(sim.Draw(seed, stream, index, 1))
}

// scale makes a whole number in [0, n) of 64 even bits.
func scale(x uint64, n int64) int64 {
	hi, _ := bits.Mul64(x, uint64(n))
	return int64(hi)
}

// at is the outage below which the share u / 2^64 lies.
func (p *part) at(u uint64) Outage {
	if p.table != nil {
		return Outage{p.table.at(u), p.kind}
	}
	return p.list[scale(u, int64(len(p.list)))]
}

// String is the distribution as it was stated, with its kinds.
func (d *Distribution) String() string { return d.text }

// Max is the longest outage that Draw can give.
func (d *Distribution) Max() time.Duration {
	most := time.Duration(0)
	for i := range d.parts {
		most = max(most, d.parts[i].at(1<<64-1).For)
	}
	return most
}

// Min is the shortest.
func (d *Distribution) Min() time.Duration {
	least := maxDuration
	for i := range d.parts {
		least = min(least, d.parts[i].at(0).For)
	}
	return least
}

// Mean is the mean of what Draw gives, to the microsecond.
func (d *Distribution) Mean() time.Duration {
	sum := time.Duration(0)
	for i := range d.parts {
		hi, lo := bits.Mul64(uint64(d.parts[i].mean()), uint64(d.parts[i].weight))
		n, _ := bits.Div64(hi, lo, uint64(whole))
		sum += time.Duration(n)
	}
	return sum.Round(time.Microsecond)
}

func (p *part) mean() time.Duration {
	if p.table != nil {
		return p.table.mean()
	}
	// Quotients and remainders apart: a sum of a million months overflows.
	n := time.Duration(len(p.list))
	sum, rest := time.Duration(0), time.Duration(0)
	for _, o := range p.list {
		sum, rest = sum+o.For/n, rest+o.For%n
	}
	return sum + rest/n
}

// Quantile is the shortest duration that is not exceeded by the given share of
// outages, in parts per billion from 0 to 1e9.
func (d *Distribution) Quantile(ppb int64) time.Duration {
	ppb = min(max(ppb, 0), whole)
	lo, hi := d.Min(), d.Max()
	for lo < hi {
		if mid := lo + (hi-lo)/2; d.below(mid) >= ppb {
			hi = mid
		} else {
			lo = mid + 1
		}
	}
	return lo
}

// below is the share of outages that last t at most, in parts per billion.
func (d *Distribution) below(t time.Duration) int64 {
	sum := uint64(0) // ppb of ppb
	for i := range d.parts {
		sum += uint64(d.parts[i].below(t)) * uint64(d.parts[i].weight)
	}
	return int64(sum / uint64(whole))
}

func (p *part) below(t time.Duration) int64 {
	if p.table != nil {
		return p.table.below(t)
	}
	n, _ := slices.BinarySearchFunc(p.list, t, func(o Outage, t time.Duration) int {
		if o.For <= t {
			return -1
		}
		return 1
	})
	return int64(n) * whole / int64(len(p.list))
}

// Shares are the parts per billion of each kind.
func (d *Distribution) Shares() map[Kind]int64 {
	m := map[Kind]int64{}
	for i := range d.parts {
		p := &d.parts[i]
		if p.table != nil {
			m[p.kind] += p.weight
			continue
		}
		count := map[Kind]int64{}
		for _, o := range p.list {
			count[o.Kind]++
		}
		for k, n := range count {
			m[k] += p.weight * n / int64(len(p.list)) // weight × n < 1e9 × 1e6
		}
	}
	return m
}

// Heir says that in some of them a replica takes the master's place.
func (d *Distribution) Heir() bool {
	for k, n := range d.Shares() {
		if n > 0 && k.Heir() {
			return true
		}
	}
	return false
}

// Summary is one line about it: median, tail, longest and kinds.
func (d *Distribution) Summary() string {
	var kinds []string
	shares := d.Shares()
	for _, k := range Kinds() {
		if n := shares[k]; n >= whole-1000 {
			kinds = append(kinds, string(k))
		} else if n > 0 {
			kinds = append(kinds, fmt.Sprintf("%g%% %s", float64(n/1e5)/100, k))
		}
	}
	if d.Min() == d.Max() {
		return fmt.Sprintf("%v, %s", d.Max(), strings.Join(kinds, ", "))
	}
	q := func(percent int64) time.Duration { return tidy(d.Quantile(percent * whole / 100)) }
	return fmt.Sprintf("half within %v, 90%% within %v, 99%% within %v, none beyond %v; %s", q(50), q(90), q(99), tidy(d.Max()), strings.Join(kinds, ", "))
}

// tidy rounds for people: three digits.
func tidy(t time.Duration) time.Duration {
	unit := time.Duration(1)
	for n := t; n >= 1000; n /= 10 {
		unit *= 10
	}
	return t.Round(unit)
}
