package twin

import (
	"context"
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"psyncsim/scenarios"
	"psyncsim/sim/measured"
)

// What is recorded of the installed server agrees when it is played back; and
// not when it says something else.
func TestRecordAndPlay(t *testing.T) {
	p := realServer(t)
	if testing.Short() {
		t.Skip("SKIPPED, not passed: real time passes here")
	}
	var cases []Case
	for _, name := range []string{"crash", "restart", "promote-back", "chain-moves"} {
		s, err := scenarios.ReadFile("../../scenarios/verify/"+name+".yaml", []string{"servers.*.version=" + p.Profile.Name})
		if err != nil {
			t.Fatal(err)
		}
		cases = append(cases, casesOf(t, s)...)
	}
	lines := make([]json.RawMessage, len(cases))
	server := ""
	var mu sync.Mutex
	r, err := Verify(context.Background(), p, cases, Options{Attempts: 8, Record: func(n int, name string, line json.RawMessage, why error) error {
		if why != nil {
			return why
		}
		f, err := measured.Decode(name, line)
		if err != nil {
			return err
		}
		if back := measured.Verify([]*measured.File{f}, measured.Options{}); back.Agree == 0 {
			return fmt.Errorf("played back it does not agree: %+v", back.Cases[0].Differences)
		}
		mu.Lock()
		defer mu.Unlock()
		lines[n], server = line, name
		return nil
	}})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range r.Cases {
		if !c.Agree {
			t.Errorf("%s: %v", c.ID, c.Differences)
		}
	}
	if t.Failed() {
		return
	}
	file := filepath.Join(t.TempDir(), "recorded.json")
	if err := measured.Write(file, server, lines); err != nil {
		t.Fatal(err)
	}
	f, err := measured.Read(file)
	if err != nil {
		t.Fatal(err)
	}
	back := measured.Verify([]*measured.File{f}, measured.Options{})
	t.Logf("%s: %d of %d recorded cases agree when played back", server, back.Agree, back.Total)
	if back.Total != len(cases) || back.Agree != back.Total {
		t.Errorf("%+v", back)
	}
	other := json.RawMessage(strings.Replace(string(lines[0]), `"sync_full":`, `"sync_full":1`, 1))
	f, err = measured.Decode(server, other)
	if err != nil {
		t.Fatal(err)
	}
	if back := measured.Verify([]*measured.File{f}, measured.Options{Seeds: 4}); back.Agree != 0 {
		t.Error("another sync_full agrees too")
	}
}
