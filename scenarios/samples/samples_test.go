package samples

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"psyncsim/scenarios"
)

const capture = "../../../shared/data/redis-7.0.15-bursty/"

func needCapture(t testing.TB) {
	if _, err := os.Stat(capture); err != nil {
		if os.Getenv("CI") != "" {
			t.Fatal(err)
		}
		t.Skipf("SKIPPED: no capture of a real server to compare with: %v", err)
	}
}

// The capture of a real server: its load is what ReadTrace reads, its backlog
// is known, its traps are named.
func TestCapture(t *testing.T) {
	needCapture(t)
	s, err := Read([]string{capture + "info.csv"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	data, _ := os.ReadFile(capture + "info.csv")
	want, problem := scenarios.ReadTrace("info.csv", data)
	if problem != nil {
		t.Fatal(problem)
	}
	got, err := s.Load()
	if err != nil || len(got) != len(want) {
		t.Fatalf("%d points, not %d: %v", len(got), len(want), err)
	}
	for i := range got {
		if got[i] != want[i] {
			t.Fatalf("point %d is %v, ReadTrace says %v", i, got[i], want[i])
		}
	}
	if b, ok := s.Setting(Master, "repl-backlog-size"); !ok || b.Number != 1<<20 {
		t.Errorf("repl-backlog-size is %+v", b)
	}
	if s.Every != time.Second && s.Every.Round(10*time.Millisecond) != time.Second {
		t.Errorf("a sample every %v", s.Every)
	}
	if s.Replicas != 2 || !has(s, "full-sync") || !has(s, "summed") || has(s, "still") || has(s, "reset") {
		t.Errorf("%d replicas, traps %v", s.Replicas, s.Traps)
	}
	whole, err := Read([]string{capture + "info-all.txt"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if whole.Version != "redis-7.0.15" || whole.Memory != 13770936 || len(whole.Samples) != 1 {
		t.Errorf("of INFO: %q, %d bytes, %d samples", whole.Version, whole.Memory, len(whole.Samples))
	}
	if _, err := whole.Load(); err == nil {
		t.Error("one sample was taken for a load")
	}
}

func has(s *Set, kind string) bool {
	for _, x := range s.Traps {
		if x.Kind == kind {
			return true
		}
	}
	return false
}

// info is one INFO with a few fields.
func info(fields ...string) string {
	return "# Server\r\n" + strings.Join(fields, "\r\n") + "\r\n\r\n"
}

func matrix(series ...string) string {
	return `{"status":"success","data":{"resultType":"matrix","result":[` + strings.Join(series, ",") + `]}}`
}

func one(name, labels, values string) string {
	return fmt.Sprintf(`{"metric":{"__name__":"redis_%s","instance":"a:9121"%s},"values":[%s]}`, name, labels, values)
}

const (
	two    = `[1700000000,"100"],[1700000015,"1600"]`
	csvTop = "unix_ms,master_repl_offset,connected_slaves,repl_backlog_active,sync_full,run_id,master_replid,master_replid2,slave0\n"
)

func TestRead(t *testing.T) {
	for _, c := range []struct {
		name   string
		in     []string
		want   string // seconds:bytes of the load
		sets   string // settings
		traps  string // kinds
		phrase string // in some trap
	}{
		{name: "INFO with date before it", in: []string{"1700000000.5\n" + info("role:master", "master_repl_offset:100", "connected_slaves:1", "repl_backlog_size:1048576") + "1700000002.500\n" + info("role:master", "master_repl_offset:300", "connected_slaves:1")},
			want: "0s:0 2s:200", sets: "repl-backlog-size=1048576", traps: "interval"},
		{name: "INFO in two files, its own clock", in: []string{info("server_time_usec:1700000000000000", "master_repl_offset:100"), info("server_time_usec:1700000001000000", "master_repl_offset:150")},
			want: "0s:0 1s:50", traps: "interval"},
		{name: "INFO by uptime", in: []string{info("uptime_in_seconds:10", "master_repl_offset:100") + info("uptime_in_seconds:20", "master_repl_offset:150")},
			want: "0s:0 10s:50", traps: "whole-seconds interval", phrase: "10 %"},
		{name: "ISO times", in: []string{"2026-01-02T03:04:05Z\n" + info("master_repl_offset:1") + "2026-01-02T03:04:06Z\n" + info("master_repl_offset:2")}, want: "0s:0 1s:1", traps: "interval"},
		{name: "no replica attached", in: []string{csvTop + "1000,5,0,0,0,r,a,,\n2000,5,0,0,0,r,a,,\n3000,5,0,0,0,r,a,,\n"}, want: "0s:0 1s:0 2s:0", traps: "still", phrase: "no replica is attached"},
		{name: "one a command", in: []string{csvTop + "1000,5,0,0,0,r,a,,\n2000,9,0,0,0,r,a,,\n3000,13,0,0,0,r,a,,\n"}, want: "0s:0 1s:4 2s:8", traps: "commands", phrase: "not bytes"},
		{name: "a backlog outlives its replicas", in: []string{csvTop + "1000,5,0,1,0,r,a,,\n2000,9,0,1,0,r,a,,\n3000,13,0,1,0,r,a,,\n"}, want: "0s:0 1s:4 2s:8"},
		{name: "restarted", in: []string{csvTop + "1000,500,1,1,1,r,a,,\n2000,900,1,1,1,r,a,,\n3000,13,1,1,1,q,b,,\n4000,113,1,1,1,q,b,,\n"}, want: "0s:0 1s:400 2s:650 3s:750", traps: "reset", phrase: "in the 1s between these two samples is not known, and the mean rate of the others is taken for it"},
		{name: "promoted", in: []string{csvTop + "1000,500,1,1,1,r,a,,\n2000,900,1,1,1,r,a,,\n3000,1000,1,1,1,q,b,a,\n4000,1113,1,1,1,q,b,a,\n"}, want: "0s:0 1s:400 2s:500 3s:613", traps: "replid"},
		{name: "during a full sync", in: []string{csvTop + "1000,500,1,1,1,r,a,,ip=1;state=send_bulk;offset=0\n2000,900,1,1,1,r,a,,\n3000,1300,1,1,2,r,a,,\n"}, want: "0s:0 1s:400 2s:800", traps: "full-sync", phrase: "2 of 3"},
		{name: "bursts of one interval", in: []string{"unix_ms,master_repl_offset\n0,0\n1000,1\n2000,1000\n3000,1001\n4000,1002\n5000,1003\n6000,2003\n7000,2004\n8000,2005\n"}, want: "0s:0 1s:1 2s:1000 3s:1001 4s:1002 5s:1003 6s:2003 7s:2004 8s:2005", traps: "interval", phrase: "2 of 2 bursts"},
		{name: "summed", in: []string{"unix_ms,master_repl_offset,connected_slaves,instantaneous_output_repl_kbps\n0,0,2,20\n1000,10,2,20\n2000,20,2,20\n"}, want: "0s:0 1s:10 2s:20", traps: "summed", phrase: "all 2 replicas"},
		{name: "a hole", in: []string{"unix_ms,master_repl_offset,gap\n0,0,\n1000,10,\n2000,20,\n3000,30,\n13000,130,no answer\n"}, want: "0s:0 1s:10 2s:20 3s:30 13s:130", traps: "gap", phrase: "no answer"},
		{name: "redis.conf", in: []string{"# mine\nrepl-backlog-size 1m\nrepl-timeout 30\nclient-output-buffer-limit slave 2gb 1gb 60\nport 7000\nrequirepass secret\n"},
			sets: "repl-backlog-size=1000000 repl-timeout=30 client-output-buffer-limit replica=2147483648", traps: "unit", phrase: "1m is 1000000 bytes"},
		{name: "a file of a file", in: []string{"repl-timeout 30\nInclude /etc/redis/more.conf\n"}, sets: "repl-timeout=30", traps: "include", phrase: "f0:2: include /etc/redis/more.conf: what that file sets is not known"},
		{name: "CONFIG GET raw", in: []string{"repl-backlog-size\n1048576\nmasterauth\n\nclient-output-buffer-limit\nnormal 0 0 0 slave 268435456 67108864 60 pubsub 33554432 8388608 60\nappendonly\nyes\n"},
			sets: "repl-backlog-size=1048576 client-output-buffer-limit replica=268435456 appendonly=1"},
		{name: "CONFIG GET numbered", in: []string{"1) \"repl-backlog-size\"\n2) \"2097152\"\n3) \"slave-priority\"\n4) \"100\"\n"}, sets: "repl-backlog-size=2097152"},
		{name: "CONFIG GET, RESP3", in: []string{"1# \"repl-timeout\" => \"60\"\n2# \"hz\" => \"10\"\n"}, sets: "repl-timeout=60 hz=10"},
		{name: "CONFIG GET, JSON", in: []string{`{"repl-timeout":"60"}`}, sets: "repl-timeout=60"},
		{name: "a replica's own", in: []string{"repl-backlog-size 64mb\n", "repl-backlog-size 1mb\nreplicaof 10.0.0.1 6379\n"}, sets: "repl-backlog-size=67108864 repl-backlog-size=1048576", traps: "replica-differs", phrase: "64mb on the master"},
		{name: "INFO of the replica beside the master's", in: []string{info("server_time_usec:1700000000000000", "role:master", "master_repl_offset:100", "repl_backlog_size:67108864") + info("server_time_usec:1700000001000000", "role:master", "master_repl_offset:150", "repl_backlog_size:67108864"),
			info("server_time_usec:1700000000500000", "role:slave", "master_repl_offset:120", "repl_backlog_size:1048576")},
			want: "0s:0 1s:50", sets: "repl-backlog-size=67108864 repl-backlog-size=1048576", traps: "interval replica-differs", phrase: "1048576 on a replica"},
		{name: "INFO of a replica alone", in: []string{info("server_time_usec:1700000000000000", "role:slave", "master_repl_offset:100", "master_sync_in_progress:0") + info("server_time_usec:1700000001000000", "role:slave", "master_repl_offset:150")},
			want: "0s:0 1s:50", traps: "interval replica"},
		{name: "another file than the server's", in: []string{"repl-backlog-size 64mb\n", "repl-backlog-size\n1048576\n"}, sets: "repl-backlog-size=67108864 repl-backlog-size=1048576", traps: "file-differs"},
		{name: "Prometheus", in: []string{matrix(one("master_repl_offset", "", two), one("replication_backlog_bytes", "", `[1700000015,"1048576"]`), one("instance_info", `,"role":"master","redis_version":"7.0.15"`, `[1700000015,"1"]`))},
			want: "0s:0 15s:1500", sets: "repl-backlog-size=1048576", traps: "interval"},
		{name: "Prometheus, scraped more rarely than asked", in: []string{matrix(one("master_repl_offset", "", `[10,"1"],[11,"1"],[12,"1"],[13,"31"],[14,"31"],[15,"31"],[16,"61"],[17,"61"],[18,"61"],[19,"91"],[20,"91"]`))},
			want: "0s:0 3s:30 6s:60 9s:90", traps: "interval", phrase: "every 3s"},
		{name: "Prometheus with the replica beside", in: []string{matrix(one("master_repl_offset", "", two), strings.ReplaceAll(one("master_repl_offset", "", two), "a:9121", "b:9121"), strings.ReplaceAll(one("slave_info", "", `[1700000015,"1"]`), "a:9121", "b:9121"))},
			want: "0s:0 15s:1500", traps: "interval"},
		{name: "Prometheus limits", in: []string{matrix(one("master_repl_offset", "", two), one("config_client_output_buffer_limit_bytes", `,"class":"slave","limit":"hard"`, `[10,"256"]`),
			one("config_client_output_buffer_limit_bytes", `,"class":"slave","limit":"soft"`, `[10,"64"]`), one("config_client_output_buffer_limit_overcome_seconds", `,"class":"slave","limit":"soft"`, `[10,"60"]`))},
			want: "0s:0 15s:1500", sets: "client-output-buffer-limit replica=256", traps: "interval"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s, err := Parse(inputs(c.in)...)
			if err != nil {
				t.Fatal(err)
			}
			var load, sets, traps []string
			for _, x := range s.Samples {
				load = append(load, fmt.Sprintf("%v:%d", x.Time.Sub(s.Samples[0].Time), x.Bytes))
			}
			for _, x := range s.Settings {
				sets = append(sets, fmt.Sprintf("%s=%d", x.Name, x.Number))
				if !strings.HasPrefix(x.Source, "f") {
					t.Errorf("%s has the source %q", x.Name, x.Source)
				}
			}
			all := ""
			for _, x := range s.Traps {
				traps, all = append(traps, x.Kind), all+x.Text+"\n"
			}
			for _, k := range [][3]string{{"load", strings.Join(load, " "), c.want}, {"settings", strings.Join(sets, " "), c.sets}, {"traps", strings.Join(traps, " "), c.traps}} {
				if k[1] != k[2] {
					t.Errorf("%s: %q, not %q\n%s", k[0], k[1], k[2], all)
				}
			}
			if !strings.Contains(all, c.phrase) {
				t.Errorf("no trap says %q:\n%s", c.phrase, all)
			}
			// The same content with other line ends says the same.
			var crlf []string
			for _, text := range c.in {
				crlf = append(crlf, strings.ReplaceAll(strings.ReplaceAll(text, "\r\n", "\n"), "\n", "\r\n"))
			}
			if again, err := Parse(inputs(crlf)...); err != nil || len(again.Samples) != len(s.Samples) || len(again.Settings) != len(s.Settings) {
				t.Errorf("with CRLF: %v", err)
			}
		})
	}
}

func inputs(texts []string) (all []Input) {
	for i, text := range texts {
		all = append(all, Input{Name: fmt.Sprintf("f%d", i), Data: []byte(text)})
	}
	return all
}

func TestWrongInput(t *testing.T) {
	for _, c := range []struct {
		name string
		in   []string
		want string
	}{
		{"nothing", nil, "nothing to read"},
		{"empty", []string{" \n"}, "f0: the file is empty"},
		{"a missing column", []string{"unix_ms,sync_full\n1,2\n"}, "f0:1: the column master_repl_offset is missing; the header"},
		{"a rate for an offset", []string{"unix_ms,instantaneous_output_repl_kbps\n1,2\n"}, "sum over all replicas"},
		{"a column twice", []string{"unix_ms,master_repl_offset,unix_ms\n1,2,3\n"}, "f0:1: the column unix_ms stands there twice"},
		{"one row", []string{"unix_ms,master_repl_offset\n1,2\n"}, "f0: a capture needs a header and two rows at least; it has 1"},
		{"a cut row", []string{"unix_ms,master_repl_offset,x\n1,2,3\n2,3\n"}, "f0:3: the row has 2 cells, the header 3"},
		{"times that go back", []string{"unix_ms,master_repl_offset\n2000,2\n1000,3\n"}, "f0:3: the time does not grow"},
		{"a negative offset", []string{"unix_ms,master_repl_offset\n2000,-2\n"}, "f0:2: master_repl_offset is negative: -2"},
		{"a negative count", []string{"unix_ms,master_repl_offset,connected_slaves\n2000,2,-1\n"}, "f0:2: connected_slaves is negative"},
		{"a word for an offset", []string{"unix_ms,master_repl_offset\n2000,many\n"}, `f0:2: master_repl_offset is "many", not a whole number`},
		{"seconds for ms", []string{"unix_ms,master_repl_offset\n1700000000.5,2\n"}, "f0:2: unix_ms is"},
		{"INFO without its offset", []string{info("redis_version:7.0.15", "role:master")}, "f0:2: this sample of INFO has no master_repl_offset"},
		{"INFO without times", []string{info("master_repl_offset:1") + info("master_repl_offset:2")}, "f0:2: nothing says when this sample of INFO was taken"},
		{"INFO in the wrong order", []string{info("server_time_usec:1700000005000000", "master_repl_offset:100"), info("server_time_usec:1700000001000000", "master_repl_offset:150")}, "f1:2: the time does not grow"},
		{"a Prometheus error", []string{`{"status":"error","errorType":"bad_data","error":"parse error"}`}, "f0:1: Prometheus answered with an error: bad_data: parse error"},
		{"an instant query", []string{`{"status":"success","data":{"resultType":"vector","result":[]}}`}, "instant query (vector)"},
		{"nothing found", []string{matrix()}, "f0:1: the range query found nothing"},
		{"a rate", []string{matrix(`{"metric":{"instance":"a"},"values":[[1,"2"]]}`)}, "series 1 has no name: functions such as rate() drop it"},
		{"no offset", []string{matrix(one("up", "", two))}, "no series is redis_master_repl_offset; there is redis_up"},
		{"two masters", []string{matrix(one("master_repl_offset", "", two), strings.ReplaceAll(one("master_repl_offset", "", two), "a:9121", "b:9121"))}, "of 2 instances (a:9121, b:9121)"},
		{"NaN", []string{matrix(one("master_repl_offset", "", `[1,"NaN"]`))}, `value 1: "NaN" is not a number`},
		{"a negative value", []string{matrix(one("master_repl_offset", "", `[1,"-5"]`))}, "value 1: -5 is negative"},
		{"JSON times that go back", []string{matrix(one("master_repl_offset", "", `[2,"1"],[1,"2"]`))}, "value 2: the time goes back"},
		{"cut JSON", []string{`{"status":"success","data":{`}, "f0:1: not the answer of a Prometheus range query"},
		{"other JSON", []string{`[1,2]`}, "f0:1: neither the answer"},
		{"two loads", []string{"unix_ms,master_repl_offset\n1,2\n2,3\n", "unix_ms,master_repl_offset\n1,2\n2,3\n"}, "f1: a second load curve, the first is in f0"},
		{"a log", []string{"1234:M 22 Nov 2026 06:31:54.190 # Configuration loaded\n"}, "f0: this is a server's log"},
		{"prose", []string{"Dear all, nothing here.\n"}, "f0:1: neither samples nor settings"},
		{"a wrong unit", []string{"repl-backlog-size 1tb\n"}, `f0:1: repl-backlog-size: "1tb": redis.conf knows no unit`},
		{"a negative timeout", []string{"repl-timeout -1\n"}, "f0:1: repl-timeout: -1 is negative"},
		{"a wrong limit", []string{"client-output-buffer-limit replica 1gb 60\n"}, "f0:1: client-output-buffer-limit"},
		{"half of CONFIG GET", []string{"1) \"repl-timeout\"\n2) \"60\"\n3) \"hz\"\n"}, "f0:3: the output of CONFIG GET ends after a name"},
		{"binary", []string{"REDIS0011\x00"}, "f0: not a text file"},
		{"gzip", []string{"\x1f\x8b\x08"}, "f0: packed with gzip"},
	} {
		s, err := Parse(inputs(c.in)...)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, not %q (%+v)", c.name, err, c.want, s)
		} else if strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: more than one line: %v", c.name, err)
		}
	}
	if _, err := Read([]string{t.TempDir()}, nil); err == nil || !strings.Contains(err.Error(), "is a folder") {
		t.Error(err)
	}
	if _, err := Read([]string{filepath.Join(t.TempDir(), "no")}, nil); err == nil {
		t.Error("a missing file was read")
	}
}

func TestCheckOutage(t *testing.T) {
	s := &Set{Every: 15 * time.Second}
	if _, ok := s.CheckOutage(5 * time.Second); !ok {
		t.Error("an outage shorter than the samples' distance is no trap")
	}
	if _, ok := s.CheckOutage(20 * time.Second); ok {
		t.Error("a longer one is")
	}
}

// Any bytes give a set whose curve does not go back, or an error of one line.
func FuzzParse(f *testing.F) {
	f.Add([]byte(csvTop + "1000,500,1,1,1,r,a,,\n2000,900,1,1,1,q,b,,\n"))
	f.Add([]byte("1700000000.5\n" + info("role:master", "master_repl_offset:100") + "1700000002.5\n" + info("master_repl_offset:300")))
	f.Add([]byte(matrix(one("master_repl_offset", "", two), one("replication_backlog_bytes", "", two))))
	f.Add([]byte("repl-backlog-size 1m\nclient-output-buffer-limit replica 1gb 1g 60\n"))
	f.Add([]byte("1) \"repl-timeout\"\n2) \"60\"\n"))
	f.Add([]byte("repl-timeout\n60\nclient-output-buffer-limit\nslave 1 2 3\n"))
	f.Add([]byte(`{"repl-timeout":"60"}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		s, err := Parse(Input{Name: "f", Data: data})
		if err != nil {
			if !strings.HasPrefix(err.Error(), "f") {
				t.Errorf("no place: %v", err)
			}
			return
		}
		for i := 1; i < len(s.Samples); i++ {
			if a, b := s.Samples[i-1], s.Samples[i]; !b.Time.After(a.Time) || b.Bytes < a.Bytes || a.Bytes < 0 {
				t.Fatalf("sample %d: %+v after %+v", i, b, a)
			}
		}
	})
}
