package risk

// Answer is everything that sizing found. Its JSON is what size --json prints.
type Answer struct {
	Question   Question `json:"question"`
	Version    string   `json:"version"`
	Assumed    []string `json:"assumed"` // what nobody said, one sentence each
	Traps      []string `json:"traps"`   // what is true of the input and leads to a wrong size if nobody says it
	Simulated  int64    `json:"outages_simulated"`
	Again      *Sampled `json:"played_again,omitempty"` // nil if all were
	Bridged    int64    `json:"outages_bridged"`        // of them without any reconnect
	PerSample  float64  `json:"outages_per_sample"`
	Confirmed  bool     `json:"confirmed"` // the recommended size, simulated as itself, keeps the promise
	Curve      *Curve   `json:"-"`
	Outages    []Outage `json:"-"` // in the order of their numbers
	CurveShown []Point  `json:"curve"`

	Recommended *Point    `json:"recommended"` // as simulated as itself; nil if no size helps
	Alone       *Point    `json:"alone"`       // the size without the other settings that are proposed; nil if there are none
	OnCurve     *Point    `json:"on_curve"`    // the same size on the curve
	Current     *Point    `json:"current"`     // the size in force, on the curve; nil if it is not known
	Kinds       []Kind    `json:"kinds"`       // each kind of outage alone
	Rule        *Rule     `json:"rule"`        // nil without outages that have a length
	Limits      []Limit   `json:"limits"`
	Memory      Memory    `json:"memory"`
	FullSync    *FullSync `json:"full_sync"` // nil if the data set is not known
	Worst       *Outage   `json:"worst"`     // the outage with the greatest need that a size can meet
	Replay      string    `json:"replay"`    // the command that plays it
	Conf        []string  `json:"redis_conf"`
	Verdict     string    `json:"verdict"` // "set", "keep", "other-limit", "no-size"

	Logs        *Logs         `json:"logs"` // nil without logs
	Sensitivity []Sensitivity `json:"sensitivity"`
}

// Sampled is what a part of the outages says of all: those that were played once more with
// the recommended size as itself.
type Sampled struct {
	Of     int64   `json:"outages"` // so many, the first ones
	Differ int64   `json:"differ"`  // of them came to something else than the curve says
	Most   float64 `json:"at_most"` // so large a share of all does, with the asked confidence
}

// Logs is what the outages of real logs came to, and come to when they are
// played again.
type Logs struct {
	Seen []Observed `json:"seen"` // the reconnects that missed something
	Now  Replayed   `json:"now"`  // with the size there was; Bytes 0 if nothing says it
	Then Replayed   `json:"then"` // with the recommended one
}

// Observed is a reconnect that the logs tell of, beside the rule of thumb for
// its own seconds.
type Observed struct {
	Judged string  `json:"judged"`
	Down   float64 `json:"down_s"`
	Gap    int64   `json:"gap_bytes"`
	Full   bool    `json:"full"`
	Rule   int64   `json:"rule_bytes"` // 2 × down × mean rate
}

// Replayed is the logs' load and outages with one size.
type Replayed struct {
	Bytes      int64   `json:"backlog_bytes"`
	Reconnects int64   `json:"reconnects"`
	Full       int64   `json:"full"`
	Gaps       []int64 `json:"gaps_bytes"`
	Left       int64   `json:"left_out"` // reconnects of the logs of whose time the load is not known
}

// Question is what was asked.
type Question struct {
	Target     float64 `json:"target"`     // share of samples without a full resynchronization
	Confidence float64 `json:"confidence"` //
	Per        string  `json:"per"`        // outage or month
	Seed       uint64  `json:"seed"`
	Rate       int64   `json:"write_bytes_per_s"` // mean
	Load       string  `json:"load"`              // where it comes from, in words
	Outage     string  `json:"outage"`            // where outages come from, in words
}

// Kind is one kind of outage alone.
type Kind struct {
	Name  string `json:"kind"`
	N     int64  `json:"outages"`
	Bytes int64  `json:"backlog_bytes"` // what it alone needs for the target; Hopeless if no size helps
	Full  int64  `json:"full"`          // full resynchronizations that remain with the recommendation
}

// Rule is the rule of thumb, times × seconds × write rate, beside what happened.
type Rule struct {
	Seconds float64 `json:"outage_s"` // mean
	Rate    int64   `json:"write_bytes_per_s"`
	Once    Point   `json:"once"`
	Twice   Point   `json:"twice"`
	Text    string  `json:"text"`
}

// Limit is one limit of a server, and what it does to outages.
type Limit struct {
	Name    string `json:"name"`    // repl-backlog-size, client-output-buffer-limit, repl-timeout, …
	Binds   bool   `json:"binds"`   // full resynchronizations remain because of it
	Full    int64  `json:"full"`    // how many
	Of      int64  `json:"of"`      //
	Removed int64  `json:"removed"` // how many of them go when it is lifted, simulated
	Now     string `json:"now"`     // as in redis.conf
	Better  string `json:"better"`  // as in redis.conf; "" if no setting helps
	Text    string `json:"text"`    // one sentence
	Replay  string `json:"replay"`  // the command that plays one of them; "" if there is none
	Cured   string `json:"cured"`   // the same with what removes it
}

// Memory is what the recommendation costs.
type Memory struct {
	Backlog    int64   `json:"backlog_bytes"`      // as the server takes it, with what blocks cost
	More       int64   `json:"more_bytes"`         // than now; on the master and on each replica
	Max        int64   `json:"maxmemory_bytes"`    // 0 if it is not known
	Share      float64 `json:"share_of_maxmemory"` // of Backlog
	OnReplicas bool    `json:"on_replicas"`        // replicas keep one too
	Replicas   int     `json:"replicas"`
	Text       string  `json:"text"`
}

// FullSync is what a full resynchronization costs.
type FullSync struct {
	Dataset  int64   `json:"dataset_bytes"`
	Seconds  float64 `json:"seconds"` // until the replica has caught up, with no limit in the way: the median
	Buffer   int64   `json:"output_buffer_bytes"`
	Ends     bool    `json:"ends"`       // it comes to its end under the limits in force
	Beyond   int64   `json:"beyond_gap"` // bytes: from this gap on it would have been quicker; Hopeless if none
	Measured int     `json:"runs"`
	Text     string  `json:"text"`
}

// Sensitivity is how the answer moves with one input alone.
type Sensitivity struct {
	Input    string `json:"input"`
	Low      string `json:"low"`       // the input's lower value, for people
	High     string `json:"high"`      //
	LowNeed  int64  `json:"low_need"`  // bytes that the target needs then; Hopeless if no size helps
	HighNeed int64  `json:"high_need"` //
	Need     int64  `json:"need"`      // as asked
}
