package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"psyncsim/model"
	"psyncsim/sim/twin"
)

// TestVerifySkip: what a version cannot play is left out, with its reason, if that is
// asked for; a file that is wrong as it stands never is.
func TestVerifySkip(t *testing.T) {
	p := &twin.Program{Name: "redis-2.8.24"}
	p.Profile, _ = model.LookupProfile("redis-2.8")
	const plays, wait = "../../scenarios/verify/sync-only.yaml", "../../scenarios/verify/wait.yaml"
	cases, left, err := liveCases(p, []string{plays, wait}, true)
	if err != nil || len(cases) != 2 || len(left) != 1 || left[0].File != wait || !strings.Contains(left[0].Why, "no WAIT") || left[0].Server != p.Name {
		t.Errorf("%d cases, left out %+v, %v", len(cases), left, err)
	}
	if _, _, err := liveCases(p, []string{plays, wait}, false); err == nil || !strings.Contains(err.Error(), "no WAIT") {
		t.Errorf("without --skip: %v", err)
	}
	bad := filepath.Join(t.TempDir(), "bad.yaml")
	if err := os.WriteFile(bad, []byte("question: x\nservers: 7\n"), 0o666); err != nil {
		t.Fatal(err)
	}
	if _, left, err := liveCases(p, []string{plays, bad}, true); err == nil || len(left) != 0 {
		t.Errorf("a file that is wrong was left out: %+v, %v", left, err)
	}
}
