// Package measured plays recorded experiments in simulation and compares.
//
// The recordings were made on real servers (data/measured-servers, README
// there): one file a server version, one case an ordered experiment. A case is
// a list of events. Actions were done to the servers and are done to the
// simulated ones; observations were seen on the wire or in INFO and must be
// seen in simulation too. All of them are compared, and what the case worked
// out from them (its facts): lines, verdicts, byte counts, INFO fields.
// What this package does not know is named and makes the case not agree.
// The case stream-bytes has neither wire nor clock: it asks what client commands
// become on the stream, and is played on a model.Streamer. See playStreams.
//
// # Time
//
// A recorded time already holds the phases of the real servers' timers, and
// the lateness of a real machine. So a case is played in the recorded order:
//
//   - A process starts a moment after the recorded start (exec, configuration,
//     sockets). The moment is read off the recording: off the first thing that
//     a cron turn of that process decided. See phases.
//   - Of the wall clock nothing is recorded but the seconds in lag=. Its phase
//     is drawn from the seed, and a case agrees if there is a seed with which
//     all of it agrees.
//   - An action is done at its recorded time, but never before what was
//     observed before it; what a proxy had seen it had also handed on. Real cron
//     turns come late, and the lateness adds up; each connect or PING that is
//     seen sets the two clocks right again.
//   - An INFO that was read of several servers one after another was read of
//     each at some moment between the event before it and its recorded time.
//   - What is seen may come earlier or later than recorded by no more than
//     Latency. Where the recording itself shows that its processes were held up,
//     a connect that waited for cron may be later by what that adds up to: see
//     held. Of the recordings that we have, four cases of one server are such.
//
// Apart from that, how long something took must lie in the range that many
// seeds give when all phases are free. See Ranges.
//
// # What is taken from the recording
//
// The encoding of snapshots is not modelled: what a full sync carries is, for
// each sync, the length that the recording shows ("$176"), so comparing that
// line shows only whether a length or a mark ("$EOF:") was announced, and when.
// How long a snapshot child works is the machine's affair too: see saveTime.
// A handmade client waits, as the recorder's did, until no snapshot is being
// made, and has its answers when the recording says that it was done.
package measured

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"time"

	"psyncsim/model"
)

// Latency is the allowance for real processes: how much earlier or later than
// in simulation something may be seen. It covers process scheduling, the
// recorder's polling (about 10 ms) and turns of serverCron that come late: on
// the machine of the recordings most seconds of cron took 1.002 to 1.004 s, and
// one in some hundred up to 1.057 s.
const Latency = 60 * time.Millisecond

// File is one recorded file: the cases of one server version.
type File struct {
	Server string  `json:"server"` // "6.2.16", "7.0.15-debian", "valkey-8.0.1"
	Cases  []*Case `json:"cases"`

	rangesOnce sync.Once
	ranges     Ranges
}

// Case is one recorded experiment.
type Case struct {
	ID       string          `json:"id"`
	Title    string          `json:"title"`
	Version  string          `json:"version"`
	Params   json.RawMessage `json:"params"`
	Duration float64         `json:"duration_s"`
	Error    *string         `json:"error"`
	Notes    []string        `json:"notes"`
	Events   []Event         `json:"events"`
	Observed struct {
		Reconnects []fields `json:"reconnects"`
		Partials   []fields `json:"partial_payloads"`
		Facts      fields   `json:"facts"`
		PSYNCs     int      `json:"n_psync"`
	} `json:"observed"`

	file *File
}

// Event is one line of a case.
type Event struct {
	T      float64 // seconds since the case began
	Action bool    // done to the servers; else an observation
	Op     string
	fields fields
}

// fields are the members of a JSON object that have not been looked at.
type fields map[string]json.RawMessage

// Read reads a recorded file.
func Read(path string) (*File, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	f := &File{}
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(f); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	if f.Server == "" || len(f.Cases) == 0 {
		return nil, fmt.Errorf("%s: no recorded cases", path)
	}
	for _, c := range f.Cases {
		c.file = f
	}
	return f, nil
}

// UnmarshalJSON takes time, kind and op out of the object and keeps the rest.
func (e *Event) UnmarshalJSON(text []byte) error {
	if err := json.Unmarshal(text, &e.fields); err != nil {
		return err
	}
	var kind string
	e.fields.take("t", &e.T)
	e.fields.take("op", &e.Op)
	e.fields.take("kind", &kind)
	if e.Op == "" || kind != "action" && kind != "observation" {
		return errors.New("an event that is neither action nor observation")
	}
	e.Action = kind == "action"
	return nil
}

// take moves a member into v; false if there is none, or of another type.
func (f fields) take(name string, v any) bool {
	raw, ok := f[name]
	if !ok || json.Unmarshal(raw, v) != nil {
		return false
	}
	delete(f, name)
	return true
}

// text is a string member, "" if there is none; it stays in f.
func (f fields) text(name string) (s string) {
	_ = json.Unmarshal(f[name], &s)
	return s
}

// clone lets an event be looked at more than once.
func (f fields) clone() fields {
	g := make(fields, len(f))
	for k, v := range f {
		g[k] = v
	}
	return g
}

// Profile is the version that plays a server's cases: that of its release line.
func Profile(server string) (*model.Profile, error) {
	kind, version := "redis", server
	if rest, ok := strings.CutPrefix(server, "valkey-"); ok {
		kind, version = "valkey", rest
	}
	version, _, _ = strings.Cut(version, "-")
	if parts := strings.Split(version, "."); len(parts) == 3 {
		if p, ok := model.LookupProfile(kind + "-" + parts[0] + "." + parts[1]); ok {
			return p, nil
		}
	}
	return nil, fmt.Errorf("no profile for server %q", server)
}

// libc says whether a server was built with the C library's allocator: the
// recorded ones were, but for those whose name says otherwise.
func (f *File) libc() bool {
	return !strings.HasSuffix(f.Server, "-debian") && !strings.HasSuffix(f.Server, "-jemalloc")
}

// Difference is one place where the recording and the simulation differ.
type Difference struct {
	T         float64 `json:"t"` // seconds, as recorded
	What      string  `json:"what"`
	Real      string  `json:"real"`
	Simulated string  `json:"simulated"`
}

// Result is what playing a case gave.
type Result struct {
	Agree bool
	// NotPlayed says why the case was not played at all.
	NotPlayed []string
	// Assumed are things that the recorder must have done and did not write down.
	Assumed []string
	// NotCompared are the case's own numbers (observed.facts) whose names say
	// nothing here. The events that they were made of are compared.
	NotCompared []string
	Differences []Difference  // of the seed with the fewest
	Seed        uint64        // that seed
	Late        time.Duration // the most by which something came earlier or later than recorded
}

// Report is the document of `psyncsim verify --measured --json`.
type Report struct {
	Agree int          `json:"agree"`
	Total int          `json:"total"`
	Cases []CaseReport `json:"cases"`
}

// CaseReport is one case. One that could not be played does not agree.
type CaseReport struct {
	Server      string       `json:"server"`
	ID          string       `json:"id"`
	Agree       bool         `json:"agree"`
	Differences []Difference `json:"differences"`
	NotCompared []string     `json:"not_compared,omitempty"` // see Result
}

// Verify plays all cases of some files.
func Verify(files []*File, opt Options) Report {
	r := Report{Cases: []CaseReport{}}
	for _, f := range files {
		for _, c := range f.Cases {
			got := c.Play(opt)
			d := append([]Difference{}, got.Differences...)
			for _, why := range got.NotPlayed {
				d = append(d, Difference{What: "not played: " + why})
			}
			r.Total++
			if len(d) == 0 {
				r.Agree++
			}
			r.Cases = append(r.Cases, CaseReport{f.Server, c.ID, len(d) == 0, d, got.NotCompared})
		}
	}
	return r
}
