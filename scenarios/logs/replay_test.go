package logs

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// The replay starts its servers before the load is known, so that the first synchronization,
// which waits for its snapshot, is over when the first link is lost. A gap that is counted from
// a snapshot that began later is compared without what was written in between.
func TestReplayLeads(t *testing.T) {
	const id = "ee61bbcee61bbcee61bbcee61bbcee61bbcee61b"
	const log = `1:S 22 Nov 2026 05:48:02.000 # Connection with master lost.
1:S 22 Nov 2026 05:48:04.000 * Trying a partial resynchronization (request ` + id + `:2001).
1:S 22 Nov 2026 05:48:09.000 * Full resync from master: ` + id + `:9000
`
	s, err := Read([]string{"-"}, strings.NewReader(log))
	if err != nil {
		t.Fatal(err)
	}
	zero := time.Date(2026, 11, 22, 5, 48, 0, 0, time.UTC)
	var load []Sample
	for sec := range 20 { // 1,000 bytes a second
		load = append(load, Sample{zero.Add(time.Duration(sec) * time.Second), int64(sec) * 1000})
	}
	text, _, err := s.Scenario(Replay{Load: load, File: "x.csv"})
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"Virtual time 0 is 2026-11-22 05:47:50.000, 10s before",
		"duration: 29s",
		"{on: master, from: 10s, arrivals: {trace: \"x.csv\"}",
		"{at: 12s, link: [master, replica], kind: reset}",
		fmt.Sprintf("{at: 14s, kind: full, gap: %dB, within: 3000B}", 7000-5000),
	} {
		if !strings.Contains(string(text), want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
}
