package measured

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
)

// Recordings in words that those in data/measured-servers do not use. Each
// begins with A, B that follows it from disk, and 33,791 bytes of stream.
const beginning = `
{"t":0,"kind":"action","op":"start","node":"A","config":{"repl-backlog-size":"16384"CONF}}
{"t":0.01,"kind":"action","op":"start","node":"B","config":{"repl-backlog-size":"16384"}}
{"t":0.02,"kind":"action","op":"replicaof","node":"B","master":"A"}
{"t":0.0204,"kind":"observation","op":"connect_attempt","link":"B->A","conn":1}
{"t":0.022,"kind":"observation","op":"psync_request","link":"B->A","conn":1,"line":"PSYNC id1 1"}
{"t":0.023,"kind":"observation","op":"psync_reply","link":"B->A","conn":1,"line":"+FULLRESYNC id2 0"}
{"t":0.106,"kind":"observation","op":"rdb_header","link":"B->A","conn":1,"line":"$176"}
{"t":0.112,"kind":"action","op":"write","node":"A","bytes":1000,"commands":1,"cmd_bytes":1000}
{"t":0.113,"kind":"action","op":"write","node":"A","bytes":32768,"commands":32,"cmd_bytes":1024}
`

// again is how B comes back on connection n at some time, asking for an offset.
func again(t float64, n int, offset int64, by string) string {
	closed := ""
	if by != "" {
		closed = fmt.Sprintf(`{"t":%.4f,"kind":"observation","op":"conn_closed","link":"B->A","conn":%d,"by":"%s"}`+"\n", t-0.0005, n-1, by)
	}
	return closed + fmt.Sprintf(`{"t":%[1]f,"kind":"observation","op":"connect_attempt","link":"B->A","conn":%[2]d}
{"t":%[3]f,"kind":"observation","op":"psync_request","link":"B->A","conn":%[2]d,"line":"PSYNC id2 %[4]d"}
{"t":%[3]f,"kind":"observation","op":"psync_reply","link":"B->A","conn":%[2]d,"line":"+CONTINUE id2"}
`, t, n, t+0.002, offset)
}

func infoOfB(t float64, offset int64, link string) string {
	return fmt.Sprintf(`{"t":%f,"kind":"observation","op":"info","label":"x","nodes":{"B":{"role":"slave","slave_repl_offset":%d,"master_link_status":"%s"}}}`+"\n", t, offset, link)
}

const write3 = `{"t":0.5,"kind":"action","op":"write","node":"A","bytes":3072,"commands":3,"cmd_bytes":1024}` + "\n"

func linkOf(t float64, mode, more string) string {
	return fmt.Sprintf(`{"t":%f,"kind":"action","op":"link","link":"B->A","mode":"%s"%s}`+"\n", t, mode, more)
}

// vocabulary are the cases: what follows the beginning, and what is not
// understood of it.
var vocabulary = []struct {
	name, conf, events, unknown string
}{
	{name: "blackhole", events: linkOf(0.4, "blackhole", `,"directions":"both"`) + write3 + infoOfB(0.6, 33791, "up") + linkOf(0.7, "pass", "") + infoOfB(0.8, 36863, "up")},
	{name: "blackhole of the stream", events: linkOf(0.4, "blackhole", `,"directions":["A->B"]`) + write3 + infoOfB(0.6, 33791, "up") + linkOf(0.7, "pass", "") + infoOfB(0.8, 36863, "up")},
	{name: "blackhole of the ACKs", events: linkOf(0.4, "blackhole", `,"directions":"B->A"`) + write3 + infoOfB(0.6, 36863, "up")},
	{name: "blackhole of nothing", events: linkOf(0.4, "blackhole", `,"directions":"sideways"`), unknown: "not known: link"},
	{name: "packets dropped", events: linkOf(0.4, modePacketLoss, "") + write3 + infoOfB(0.6, 33791, "up") + linkOf(0.7, "pass", "") + infoOfB(0.8, 36863, "up")},
	{name: "throttle", events: linkOf(0.4, "throttle", `,"bytes_per_s":1024`) + write3 + infoOfB(2, 33791+1024, "up") + linkOf(2.1, "pass", "") + infoOfB(2.2, 36863, "up")},
	{name: "delay", events: linkOf(0.4, "delay", `,"one_way_s":0.5`) + write3 + infoOfB(0.95, 33791, "up") + infoOfB(1.05, 36863, "up")},
	{name: "cut after bytes", events: linkOf(0.4, "cut_after_bytes", `,"bytes":1500,"direction":"A->B"`) + write3 +
		`{"t":0.501,"kind":"observation","op":"link_cut_at_byte","link":"B->A","conn":1,"bytes":1500}` + "\n" + again(0.501, 2, 33791+1025, "proxy reset") + infoOfB(0.6, 36863, "up")},
	{name: "cut after bytes, refused", events: linkOf(0.4, "cut_after_bytes", `,"bytes":2048,"direction":"master->replica","new_connections":"refuse"`) + write3 +
		`{"t":0.501,"kind":"observation","op":"conn_closed","link":"B->A","conn":1,"by":"proxy reset"}` + "\n" + infoOfB(0.6, 33791+2048, "down") + linkOf(0.7, "pass", "") + again(1.014, 2, 33791+2049, "") + infoOfB(1.2, 36863, "up")},
	{name: "cut after bytes both ways", events: linkOf(0.4, "cut_after_bytes", `,"bytes":2048,"direction":"both"`), unknown: "not known: link"},
	{name: "one connection", events: linkOf(0.4, modeResetOne, `,"which":1`) + again(0.4006, 2, 33792, "proxy reset") + write3 + infoOfB(0.6, 36863, "up")},
	{name: "half-open", events: linkOf(0.4, modeHalfOpen, "") + `{"t":0.4001,"kind":"observation","op":"conn_half_open","link":"B->A","conn":1}` + "\n" + again(0.4006, 2, 33792, "") + write3 + infoOfB(0.6, 36863, "up") +
		`{"t":0.61,"kind":"observation","op":"info","label":"a","nodes":{"A":{"connected_slaves":2,"slave0":"ip=127.0.0.1,port=1,state=online,offset=0,lag=0","slave1":"ip=127.0.0.1,port=1,state=online,offset=0,lag=0"}}}` + "\n"},
	{name: "hollow", events: linkOf(0.4, modeHollow, "") +
		`{"t":0.4001,"kind":"observation","op":"conn_closed","link":"B->A","conn":1,"by":"proxy reset"}` + "\n" + `{"t":0.4006,"kind":"observation","op":"connect_attempt","link":"B->A","conn":2}` + "\n" + write3 + infoOfB(0.6, 33791, "down") +
		`{"t":0.65,"kind":"observation","op":"wait_timeout","node":"B","what":"link up","s":0.2}` + "\n" +
		linkOf(0.7, "pass", "") + `{"t":0.703,"kind":"observation","op":"psync_request","link":"B->A","conn":2,"line":"PSYNC id2 33792"}` + "\n" +
		`{"t":0.703,"kind":"observation","op":"psync_reply","link":"B->A","conn":2,"line":"+CONTINUE id2"}` + "\n" + infoOfB(0.8, 36863, "up")},
	{name: "teleport", events: linkOf(0.4, "teleport", ""), unknown: "not known: link"},
	{name: "background writes", events: `{"t":0.4,"kind":"action","op":"write","node":"A","bytes":102400,"commands":100,"cmd_bytes":1024,"over_s":1}` + "\n" + infoOfB(0.9, 33791+51200, "up") + infoOfB(1.6, 33791+102400, "up")},
	{name: "background writes, stopped", events: `{"t":0.4,"kind":"action","op":"write","node":"A","bytes":102400,"commands":100,"cmd_bytes":1024,"over_s":1}` + "\n" +
		`{"t":0.9,"kind":"action","op":"stop_writes","node":"A"}` + "\n" + infoOfB(1.6, 33791+51200, "up")},
	{name: "reload", events: `{"t":0.4,"kind":"action","op":"debug_reload","node":"A"}` + "\n" +
		`{"t":0.41,"kind":"observation","op":"rdb_on_disk","node":"A","rdb":{"repl-id":"id2","repl-offset":33791,"repl-stream-db":0}}` + "\n" + write3 + infoOfB(0.6, 36863, "up")},
	{name: "snapshot put back", events: `{"t":0.4,"kind":"action","op":"rdb_removed","node":"A","was":{"repl-id":"id2","repl-offset":0,"repl-stream-db":0}}` + "\n" +
		`{"t":0.41,"kind":"observation","op":"rdb_on_disk","node":"A","rdb":null}` + "\n" + `{"t":0.42,"kind":"action","op":"rdb_put_back","node":"A"}` + "\n" +
		`{"t":0.43,"kind":"observation","op":"rdb_on_disk","node":"A","rdb":{"repl-id":"id2","repl-offset":0,"repl-stream-db":0}}` + "\n"},
	{name: "populate", events: `{"t":0.4,"kind":"action","op":"populate","node":"A","keys":1000,"value_bytes":100}` + "\n" +
		`{"t":0.41,"kind":"observation","op":"dataset_digest","nodes":{"A":"d1","B":"d2"},"equal":false}` + "\n" + write3 + infoOfB(0.6, 36863, "up")},
	{name: "failover", events: `{"t":1.2,"kind":"action","op":"failover","node":"A","to":"B"}` + "\n" +
		`{"t":1.2006,"kind":"observation","op":"connect_attempt","link":"A->B","conn":1}` + "\n" +
		`{"t":1.202,"kind":"observation","op":"psync_request","link":"A->B","conn":1,"line":"PSYNC id2 33792 FAILOVER"}` + "\n" +
		`{"t":1.202,"kind":"observation","op":"conn_closed","link":"B->A","conn":1,"by":"replica"}` + "\n" +
		`{"t":1.203,"kind":"observation","op":"psync_reply","link":"A->B","conn":1,"line":"+CONTINUE id3"}` + "\n" +
		`{"t":1.3,"kind":"observation","op":"info","label":"a","nodes":{"B":{"role":"master","master_replid":"id3","master_replid2":"id2","second_repl_offset":33792,"slave0":"ip=127.0.0.1,port=1,state=online,offset=0,lag=0"},"A":{"role":"slave","master_link_status":"up"}}}` + "\n"},
	{name: "frozen", events: `{"t":0.4,"kind":"action","op":"process_stop","node":"B"}` + "\n" + write3 +
		`{"t":0.8,"kind":"action","op":"process_continue","node":"B","after_s":0.4}` + "\n" + infoOfB(0.9, 36863, "up")},
	{name: "handmade replicas", events: `{"t":0.5,"kind":"action","op":"fake_psync","n":1,"capa":["eof","psync2"],"reply":"+FULLRESYNC id2 33791"}` + "\n" +
		`{"t":0.51,"kind":"action","op":"fake_psync","n":2,"capa":"eof psync2","reply":"+FULLRESYNC id2 33791"}` + "\n" +
		`{"t":0.52,"kind":"observation","op":"info","label":"a","nodes":{"A":{"connected_slaves":3,"sync_full":3,"slave0":"ip=127.0.0.1,port=1,state=online,offset=0,lag=0","slave1":"ip=127.0.0.1,port=0,state=wait_bgsave,offset=0,lag=0","slave2":"ip=127.0.0.1,port=0,state=wait_bgsave,offset=0,lag=0"}}}` + "\n"},
	{name: "output buffer", conf: `,"client-output-buffer-limit":"replica 1mb 0 0","shutdown-timeout":"3"`, events: write3 + infoOfB(0.6, 36863, "up")},
	{name: "a directive nobody knows", conf: `,"repl-colour":"blue"`, events: write3, unknown: "not known: config repl-colour"},
	{name: "an observation nobody knows", events: `{"t":0.4,"kind":"observation","op":"smell","node":"A"}` + "\n", unknown: "not known: smell"},
	{name: "an action nobody knows", events: `{"t":0.4,"kind":"action","op":"rename","node":"A"}` + "\n", unknown: "not known: rename"},
}

func TestVocabulary(t *testing.T) {
	for _, v := range vocabulary {
		t.Run(v.name, func(t *testing.T) {
			c := caseOf(t, "7.0.15", strings.Replace(beginning, "CONF", v.conf, 1)+v.events)
			var known, unknown []Difference
			for _, d := range c.Play(Options{}).Differences {
				switch {
				case strings.HasPrefix(d.What, "reconnects") || strings.HasPrefix(d.What, "partial_payloads"): // these recordings have no tables
				case strings.HasPrefix(d.What, "not known"):
					unknown = append(unknown, d)
				default:
					known = append(known, d)
				}
			}
			if v.unknown == "" && len(unknown) > 0 || v.unknown != "" && (len(unknown) != 1 || !strings.HasPrefix(unknown[0].What, v.unknown)) {
				t.Errorf("not known: %+v, want %q", unknown, v.unknown)
			}
			if len(known) > 0 {
				t.Errorf("differs: %+v", known)
			}
		})
	}
}

// The same cases with something else observed do not agree.
func TestVocabularyCounts(t *testing.T) {
	for _, v := range vocabulary {
		if v.unknown != "" {
			continue
		}
		for _, x := range [][2]string{{`"slave_repl_offset":36863`, `"slave_repl_offset":36862`}, {`"master_link_status":"up"`, `"master_link_status":"down"`},
			{`"bytes":1500}`, `"bytes":1501}`}, {`FULLRESYNC id2 33791`, `FULLRESYNC id2 33790`}, {`"equal":false`, `"equal":true`}, {`"rdb":null`, `"rdb":{}`}} {
			text := strings.Replace(v.events, x[0], x[1], 1)
			if text == v.events {
				continue
			}
			c := caseOf(t, "7.0.15", strings.Replace(beginning, "CONF", v.conf, 1)+text)
			if !slices.ContainsFunc(c.Play(Options{Seeds: 2}).Differences, func(d Difference) bool {
				return !strings.HasPrefix(d.What, "reconnects") && !strings.HasPrefix(d.What, "partial_payloads")
			}) {
				t.Errorf("%s agrees with %s", v.name, x[1])
			}
		}
	}
}

func caseOf(t *testing.T, server, lines string) *Case {
	t.Helper()
	c := &Case{ID: "handmade", file: &File{Server: server}}
	for line := range strings.Lines(strings.TrimSpace(lines)) {
		var e Event
		if err := json.Unmarshal([]byte(line), &e); err != nil {
			t.Fatalf("%v in %s", err, line)
		}
		c.Events = append(c.Events, e)
	}
	return c
}
