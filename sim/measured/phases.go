package measured

import (
	"encoding/json"
	"math"
	"slices"
	"strings"
	"time"

	"psyncsim/model"
)

// seconds turns a recorded time into an instant.
func seconds(t float64) model.Instant { return model.Instant(math.Round(t * 1e9)) }

// inSeconds turns it back, to the recorder's tenth of a millisecond.
func inSeconds(at model.Instant) float64 { return math.Round(float64(at)/1e5) / 1e4 }

const (
	turn   = 100*time.Millisecond + model.CronLate // between two turns of serverCron
	second = 10 * turn                             // between two turns of replicationCron

	// immediate is how fast a replica dials again that does not wait for cron.
	immediate = 20 * time.Millisecond
	// slowest is the longest that a process takes from its start to its sockets.
	slowest = 80 * time.Millisecond
	// usual is taken where a recording does not show it.
	usual = 3 * time.Millisecond
)

// phases is, for every event that starts a process, how much later the process
// booted: serverCron runs first a millisecond after that, and all its turns
// follow. It is read off the first thing that a turn decided: the line before a
// snapshot (a master notices the end of its child in a turn) or a connect that
// waited for a turn.
func (c *Case) phases(prof *model.Profile, latency time.Duration) map[int]time.Duration {
	boots := map[int]time.Duration{}
	for i := range c.Events {
		e := &c.Events[i]
		if e.Op != "start" && e.Op != "start_again" {
			continue
		}
		boots[i] = min(c.bootOf(i, e.fields.text("node"), prof, latency), c.silence(i))
	}
	return boots
}

// silence is how long after its start nothing was said to a server or of it.
func (c *Case) silence(start int) time.Duration {
	node := c.Events[start].fields.text("node")
	for _, e := range c.Events[start+1:] {
		if e.Op == "link" || e.Op == "connect_attempt" {
			continue
		}
		mentions := e.fields.text("node") == node || e.Op == "raw_probe"
		if e.Op == "info" {
			var nodes map[string]json.RawMessage
			_ = json.Unmarshal(e.fields["nodes"], &nodes)
			_, mentions = nodes[node]
		}
		if link := e.fields.text("link"); link != "" {
			mentions = strings.HasPrefix(link, node+"->") || strings.HasSuffix(link, "->"+node)
		}
		if mentions {
			return max(0, time.Duration(seconds(e.T)-seconds(c.Events[start].T))-time.Millisecond)
		}
	}
	return slowest
}

func (c *Case) bootOf(start int, node string, prof *model.Profile, latency time.Duration) time.Duration {
	calm := map[string]float64{} // when each link last gave a reason to dial at once
	from := c.Events[start].T
	for _, e := range c.Events[start+1:] {
		link := e.fields.text("link")
		since := time.Duration(seconds(e.T)-seconds(from)) - model.FirstCron
		switch {
		case e.Op == "stop" && e.fields.text("node") == node:
			return usual
		case e.Op == "replicaof":
			calm[e.fields.text("node")+"->"+e.fields.text("master")] = e.T
		case e.Op == "link" || strings.HasSuffix(e.Op, "_closed"):
			if e.fields.text("mode") != "pass" {
				calm[link] = e.T
			}
		case e.Op == "rdb_header" && strings.HasSuffix(link, "->"+node):
			return phase(since-latency, turn)
		case e.Op == "connect_attempt" && strings.HasPrefix(link, node+"->"):
			at, touched := calm[link]
			if !prof.ReconnectNow || !touched || seconds(e.T)-seconds(at) > model.Instant(immediate) {
				return phase(since-latency, second)
			}
		}
	}
	return usual
}

// phase is what is left of a time after whole periods. Turns come a little
// later than every period, so a process that took no time at all seems to have
// taken nearly a whole one.
func phase(since, period time.Duration) time.Duration {
	d := since % period
	switch {
	case d < 0 || d > period-15*time.Millisecond:
		return 0
	case d > slowest:
		return usual
	}
	return d
}

// minMedMax is minimum, median (the upper one of two) and maximum.
func minMedMax(v []float64) []float64 {
	if len(v) == 0 {
		return nil
	}
	s := slices.Sorted(slices.Values(v))
	return []float64{s[0], s[len(s)/2], s[len(s)-1]}
}
