package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

const recordings = "../../../shared/data/measured-servers"

// recording is the path of a recorded file. Where it counts its absence must
// not pass for agreement.
func recording(t *testing.T, server string) string {
	t.Helper()
	path := filepath.Join(recordings, server+".json")
	if _, err := os.Stat(path); err != nil {
		if os.Getenv("CI") != "" {
			t.Fatalf("THE RECORDINGS ARE MISSING: %v", err)
		}
		t.Skipf("NOTHING COMPARED WITH REAL SERVERS: THE RECORDINGS ARE MISSING: %v", err)
	}
	return path
}

// verifyReport is the document of verify --json, member by member.
type verifyReport struct {
	Agree *int
	Total *int
	Cases []struct {
		Server, ID  *string
		Agree       *bool
		Differences []struct {
			T                     *float64
			What, Real, Simulated *string
		}
	}
}

func report(t *testing.T, stdout string) (r verifyReport) {
	t.Helper()
	d := json.NewDecoder(strings.NewReader(stdout))
	d.DisallowUnknownFields()
	if err := d.Decode(&r); err != nil {
		t.Fatalf("%v in %s", err, stdout)
	}
	if d.More() {
		t.Fatal("more than one document on stdout")
	}
	if r.Agree == nil || r.Total == nil || r.Cases == nil || len(r.Cases) != *r.Total {
		t.Fatalf("members are missing in %s", stdout)
	}
	for _, c := range r.Cases {
		if c.Server == nil || c.ID == nil || c.Agree == nil || c.Differences == nil || *c.Agree != (len(c.Differences) == 0) {
			t.Errorf("members are missing, or contradict each other, in %+v", c)
		}
		for _, d := range c.Differences {
			if d.T == nil || d.What == nil || d.Real == nil || d.Simulated == nil {
				t.Errorf("members are missing in %+v", d)
			}
		}
	}
	return r
}

func TestVerifyMeasured(t *testing.T) {
	old, jemalloc := recording(t, "2.8.24"), recording(t, "valkey-8.0.1-jemalloc")
	code, stdout, stderr := call(t, "verify", "--measured", old, jemalloc)
	if want := "server                 cases  agree  differs\n" +
		"2.8.24                 20     20     -\n" +
		"valkey-8.0.1-jemalloc  12     12     -\n" +
		"all                    32     32     -\n"; code != 0 || stdout != want || stderr != "" {
		t.Errorf("exit %d, stderr %q, stdout\n%s, want\n%s", code, stderr, stdout, want)
	}
	code, stdout, stderr = call(t, "verify", old, "--json", "--measured", jemalloc)
	if r := report(t, stdout); code != 0 || stderr != "" || *r.Agree != 32 || *r.Total != 32 || *r.Cases[0].Server != "2.8.24" || *r.Cases[31].Server != "valkey-8.0.1-jemalloc" {
		t.Errorf("exit %d, stderr %q: %s", code, stderr, stdout)
	}
}

// A recording that says something else, and one with an action that nobody
// knows, do not agree.
func TestVerifyMeasuredDiffers(t *testing.T) {
	text, err := os.ReadFile(recording(t, "6.2.16"))
	if err != nil {
		t.Fatal(err)
	}
	for _, x := range []struct{ old, new, differs, shown string }{
		{`"+CONTINUE id2"`, `"+CONTINUE id7"`, "bnd-16k-m1", `real "\+CONTINUE id7", simulated "\+CONTINUE id2"`},
		{`"op":"replicaof"`, `"op":"rename"`, "bnd-16k-m1", `not known: rename`},
	} {
		changed := strings.Replace(string(text), x.old, x.new, 1)
		if changed == string(text) {
			t.Fatalf("%s is not in the recording", x.old)
		}
		file := filepath.Join(t.TempDir(), "changed.json")
		if err := os.WriteFile(file, []byte(changed), 0o666); err != nil {
			t.Fatal(err)
		}
		code, stdout, stderr := call(t, "verify", "--measured", file)
		if code != exitFailed || !strings.Contains(stderr, "1 of 20 recorded cases do not agree") ||
			!regexp.MustCompile(`(?m)^6\.2\.16 +20 +19 +`+x.differs+`$`).MatchString(stdout) || !regexp.MustCompile(x.shown).MatchString(stdout) {
			t.Errorf("%s: exit %d, stderr %q, stdout\n%s", x.new, code, stderr, stdout)
		}
		code, stdout, _ = call(t, "verify", "--measured", "--json", file)
		if r := report(t, stdout); code != exitFailed || *r.Agree != 19 || *r.Total != 20 {
			t.Errorf("%s: exit %d, %d of %d agree", x.new, code, *r.Agree, *r.Total)
		}
		if code, stdout, _ = call(t, "verify", "--measured", "--quiet", file); code != exitFailed || stdout != "" {
			t.Errorf("%s: --quiet: exit %d, stdout %q", x.new, code, stdout)
		}
	}
}

func TestVerifyUsage(t *testing.T) {
	dir := t.TempDir()
	broken, empty := filepath.Join(dir, "broken.json"), filepath.Join(dir, "empty.json")
	for file, text := range map[string]string{broken: `{"server": "6.2.16", "cases": [`, empty: `{"server": "6.2.16", "cases": []}`} {
		if err := os.WriteFile(file, []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	for _, x := range []struct {
		args []string
		says []string
	}{
		{[]string{"verify"}, []string{"needs scenarios", "--measured"}},
		{[]string{"verify", "sizing-rule", "--redis-server", "/nowhere/redis-server"}, []string{"/nowhere/redis-server"}},
		{[]string{"verify", "--measured"}, []string{"needs files"}},
		{[]string{"verify", "--measured", "nowhere.json", broken, empty}, []string{"nowhere.json", "broken.json", "empty.json: no recorded cases"}},
		{[]string{"verify", "--measured", "--jsen", broken}, []string{"jsen"}},
	} {
		code, stdout, stderr := call(t, x.args...)
		if code != exitUsage || stdout != "" {
			t.Errorf("%q: exit %d, stdout %q", x.args, code, stdout)
		}
		for _, s := range x.says {
			if !strings.Contains(stderr, s) {
				t.Errorf("%q: stderr %q does not say %q", x.args, stderr, s)
			}
		}
	}
}
