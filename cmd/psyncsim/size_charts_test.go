package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// --charts draws what there is: with logs and samples also the load with its
// outages; JSON stays alone on stdout.
func TestSizeCharts(t *testing.T) {
	t.Parallel()
	needCapture(t)
	dir, logs := filepath.Join(t.TempDir(), "new", "charts"), filepath.Dir(capture)
	out, errs, code := sizeCmd(t, "--info", capture, "--log", filepath.Join(logs, "master.log"), "--log", filepath.Join(logs, "replica.log"),
		"--target", "90%", "--outages", "300", "--no-sensitivity", "--json", "--charts", dir)
	if code != 0 || !strings.HasPrefix(out, "{") || !strings.HasSuffix(out, "}\n") || !strings.Contains(errs, filepath.Join(dir, "risk.png")) {
		t.Fatalf("exit %d: %s%s", code, errs, out)
	}
	for name, words := range map[string][]string{
		"risk.svg": {"saves 90 % of outages", "recommended, ", "now, 1mb", "rule 2×"},
		"gaps.svg": {"written while it lasted", "share of outages"},
		"load.svg": {"mean 335 kB/s", "outage: reset", "full resync", "5.8mb"},
	} {
		b, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Error(err)
			continue
		}
		for _, w := range words {
			if !strings.Contains(string(b), w) {
				t.Errorf("%s does not say %q", name, w)
			}
		}
	}
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, errs, code := sizeCmd(t, "--rate", "1MB/s", "--outage", "reset:2s", "--target", "50%", "--outages", "50", "--no-sensitivity", "--charts", file); code != exitUsage || !strings.Contains(errs, "--charts ") {
		t.Errorf("a file for a folder: exit %d: %s", code, errs)
	}
}
