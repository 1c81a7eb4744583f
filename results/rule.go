package results

// The rule says that a backlog of 2 × seconds × write rate bytes is enough:
// seconds without the replica, bytes a second of replication stream.

// Band is the part of a sweep whose backlogs stand in one relation to
// outage × write rate.
type Band struct {
	Points int64 // with at least one reconnect
	Runs   int64 // with at least one reconnect
	Fulls  int64 // runs with at least one full resynchronization
}

// Rule is the rule against what happened to one group of points.
type Rule struct {
	Group string
	Below Band   // backlog < 1 × outage × write rate
	Short Band   // from 1 × to below 2 ×
	Rule  Band   // 2 × and more: what the rule calls enough
	Broke *Point // the point furthest above 2 × that needed a full resync, or nil
	// LastFull is the largest ratio at which a reconnect was full,
	// FirstPartial the smallest at which one was partial; 0 when there is none.
	LastFull, FirstPartial float64
}

// Holds tells whether no reconnect was full that the rule calls safe. A group
// that never tried says ok false.
func (r *Rule) Holds() (holds, ok bool) { return r.Rule.Fulls == 0, r.Rule.Runs > 0 }

// Judge holds the rule against groups of points.
func Judge(groups []Group) []Rule {
	rules := make([]Rule, 0, len(groups))
	for _, g := range groups {
		rules = append(rules, judge(g))
	}
	return rules
}

func judge(g Group) Rule {
	r := Rule{Group: g.Label}
	for _, p := range g.Points {
		ratio, ok := p.Ratio()
		if !ok || p.Tried() == 0 {
			continue
		}
		band := &r.Below
		switch {
		case p.AtLeast(2):
			band = &r.Rule
		case p.AtLeast(1):
			band = &r.Short
		}
		band.Points++
		band.Runs += p.Tried()
		band.Fulls += p.FullRuns
		if p.Fulls > 0 && ratio > r.LastFull {
			r.LastFull = ratio
			if p.AtLeast(2) {
				r.Broke = p
			}
		}
		if p.FullRuns < p.Tried() && (r.FirstPartial == 0 || ratio < r.FirstPartial) {
			r.FirstPartial = ratio
		}
	}
	return r
}
