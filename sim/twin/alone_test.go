package twin

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"psyncsim/scenarios"
)

// A few cases that did not agree are played again when all the others are over, and told of once; where many do
// not, none is.
func TestAlone(t *testing.T) {
	p := realServer(t)
	if testing.Short() {
		t.Skip("SKIPPED, not passed: real time passes here")
	}
	file := filepath.Join(t.TempDir(), "short.yaml")
	text := "question: Nothing happens.\nseed: 1\nduration: 1s\nservers:\n  m: {version: redis-7.0}\n  r: {version: redis-7.0, replicaof: m}\n"
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	s, err := scenarios.ReadFile(file, []string{"servers.*.version=" + p.Profile.Name})
	if err != nil {
		t.Fatal(err)
	}
	one := casesOf(t, s)[0]
	for _, x := range []struct{ cases, refused, agree int }{{5, 2, 5}, {mostAlone + 2, mostAlone + 1, 1}} {
		var cases []Case
		for i := range x.cases {
			one.ID = fmt.Sprint(i)
			cases = append(cases, one)
		}
		var mu sync.Mutex
		refusals := make([]int, x.cases)
		var told []string
		r, err := Verify(context.Background(), p, cases, Options{Jobs: x.cases, Attempts: 2,
			Done: func(c *CaseReport) { told = append(told, c.ID) },
			Record: func(n int, _ string, _ json.RawMessage, _ error) error {
				mu.Lock()
				defer mu.Unlock()
				if refusals[n]++; n < x.refused && refusals[n] <= 2 {
					return errors.New("refused")
				}
				return nil
			}})
		if err != nil {
			t.Fatal(err)
		}
		if r.Agree != x.agree || len(told) != x.cases {
			t.Errorf("%d of %d agree, told of %d: %+v", r.Agree, x.agree, len(told), r.Cases)
		}
		for i := range x.refused {
			if last := told[len(told)-x.refused+i]; last != fmt.Sprint(i) {
				t.Errorf("told of %v, last should be those that were refused", told)
			}
			if c := r.Cases[i]; len(c.Before)+1 != c.Attempts+c.Void || c.Agree && c.Attempts < 3 {
				t.Errorf("%d tries and %d void, told of %d earlier ones", c.Attempts, c.Void, len(c.Before))
			}
		}
	}
}
