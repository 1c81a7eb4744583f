package sim

import (
	"bufio"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/datadriven"

	"psyncsim/model"
)

// infoStates plays two servers of a version into every role and state, and
// gives INFO of each: the same steps as those behind testdata/info/fields.txt,
// so that offsets, counts and memory can be held against the real ones.
func infoStates(t *testing.T, p *model.Profile) (states []string, infos map[string]*model.Info) {
	set := p.Defaults()
	set.Diskless = false
	server := func(name, of string) ServerConfig {
		return ServerConfig{Name: name, Profile: p, Settings: set, ReplicaOf: of, Dataset: 195,
			LibcMalloc: true, Wall: 500 * time.Millisecond, Manual: true}
	}
	c := &Config{Seed: 1, Duration: time.Hour, Servers: []ServerConfig{server("m", ""), server("r", "")},
		Links: []LinkConfig{{A: 0, B: 1, Latency: time.Millisecond, Bandwidth: 1000}}}
	w := &World{}
	if err := w.Reset(c); err != nil {
		t.Fatal(err)
	}
	w.Begin()
	infos = map[string]*model.Info{}
	say := func(state string, server int) {
		states, infos[state] = append(states, state), w.Info(server)
	}
	at := time.Duration(0)
	pass := func(d time.Duration) {
		at += d
		w.Advance(model.Instant(at))
	}
	w.Start(0, nil)
	w.Start(1, nil)
	pass(300 * time.Millisecond)
	say("master alone", 0)
	w.Write(0, 27, 45)
	w.Order(FaultConfig{Kind: FaultReplicaOf, Server: 1, Peer: 0})
	pass(4 * time.Second)
	w.Write(0, 27)
	pass(1500 * time.Millisecond)
	say("master", 0)
	say("replica", 1)
	w.Stop(0, false)
	pass(1500 * time.Millisecond)
	say("link down", 1)
	w.Order(FaultConfig{Kind: FaultPromote, Server: 1})
	say("promoted", 1)
	w.SetDataset(0, 5000)
	w.Start(0, nil)
	w.Order(FaultConfig{Kind: FaultReplicaOf, Server: 1, Peer: 0})
	pass(4 * time.Second)
	say("transfer", 1)
	w.Stop(1, false)
	w.Start(1, nil)
	w.Stop(0, false)
	w.Order(FaultConfig{Kind: FaultReplicaOf, Server: 1, Peer: 0})
	pass(1500 * time.Millisecond)
	say("never up", 1)
	return states, infos
}

// TestInfo compares INFO of every version, role and state with the golden files:
// play the version, and every field stands there.
func TestInfo(t *testing.T) {
	datadriven.Walk(t, "testdata/info/golden", func(t *testing.T, path string) {
		datadriven.RunTest(t, path, func(t *testing.T, d *datadriven.TestData) string {
			p, ok := model.LookupProfile(d.Cmd)
			if !ok {
				d.Fatalf(t, "no version %s", d.Cmd)
			}
			states, infos := infoStates(t, p)
			var b strings.Builder
			for _, state := range states {
				fmt.Fprintf(&b, "# %s\n", state)
				for _, f := range infos[state].Fields() {
					if f.Text == "" {
						f.Text = fmt.Sprint(f.Number)
					}
					fmt.Fprintf(&b, "%s:%s\n", f.Name, identifier.ReplaceAllStringFunc(f.Text, func(id string) string { return id[:6] }))
				}
			}
			return b.String()
		})
	})
}

// TestInfoFieldsAreReal holds names, order and presence against what real
// servers printed.
func TestInfoFieldsAreReal(t *testing.T) {
	f, err := os.Open("testdata/info/fields.txt")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	played := map[string]map[string]*model.Info{}
	lines := 0
	for s := bufio.NewScanner(f); s.Scan(); {
		parts := strings.SplitN(s.Text(), ": ", 3)
		if strings.HasPrefix(s.Text(), "#") || len(parts) != 3 {
			continue
		}
		lines++
		version, state, want := parts[0], parts[1], parts[2]
		p, ok := model.LookupProfile(version)
		if !ok {
			t.Fatalf("no version %s", version)
		}
		if played[version] == nil {
			_, played[version] = infoStates(t, p)
		}
		info := played[version][state]
		if info == nil {
			t.Fatalf("%s: no INFO of %s", version, state)
		}
		var got []string
		for _, f := range info.Fields() {
			got = append(got, f.Name)
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%s, %s:\nreal      %s\nsimulated %s", version, state, want, strings.Join(got, " "))
		}
	}
	if lines != 7*len(model.Profiles()) {
		t.Errorf("%d lines", lines)
	}
}
