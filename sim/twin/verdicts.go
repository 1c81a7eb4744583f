package twin

import (
	"regexp"
	"strconv"
	"strings"
	"time"
)

// verdict is what a real master logged about one request.
type verdict struct {
	port   int    // of the replica, 0 where the line does not name it
	id     string // that was asked for, where the line has it
	reason string
	gap    int64
}

// The lines in which masters from 2.8 to 8.0 log why they decided.
var (
	logAccepted = regexp.MustCompile(`Partial resynchronization request from \S*?:(\d+) accepted\. Sending (\d+) bytes`)
	logMismatch = regexp.MustCompile(`Partial resynchronization not accepted: (?:Replication ID|Runid) mismatch \(\w+ asked for (?:runid )?'([^']*)'`)
	logSecond   = regexp.MustCompile(`Partial resynchronization not accepted: Requested offset for second ID was`)
	logLack     = regexp.MustCompile(`Unable to partial resync with \w+ (?:\S*?:(\d+) )?for lack of backlog`)
	logAhead    = regexp.MustCompile(`Warning: \w+ (?:\S*?:(\d+) )?tried to PSYNC with an offset that is greater`)
	logFirst    = regexp.MustCompile(`Full resync requested by \w+ \S*?:(\d+)`)
	logReady    = regexp.MustCompile(`(?m)^(?:\d+:\w|\[\d+\]) (\d+ \w+ (?:\d+ )?[\d:.]+) [*#] (?:Ready to accept connections|The server is now ready)`)
)

// lackOfBacklog is how far a log tells why: the byte is no longer there, or
// there is no backlog.
const lackOfBacklog = "lack-of-backlog"

// firstSync is the reason where a replica asks without an id.
const firstSync = "first-sync"

func verdictsOf(log string) (list []verdict) {
	port := func(s string) int { n, _ := strconv.Atoi(s); return n }
	for line := range strings.Lines(log) {
		if m := logAccepted.FindStringSubmatch(line); m != nil {
			n, _ := strconv.ParseInt(m[2], 10, 64)
			list = append(list, verdict{port: port(m[1]), gap: n})
		} else if m := logMismatch.FindStringSubmatch(line); m != nil {
			list = append(list, verdict{id: m[1], reason: "id-mismatch", gap: -1})
		} else if logSecond.MatchString(line) {
			list = append(list, verdict{reason: "second-offset", gap: -1})
		} else if m := logLack.FindStringSubmatch(line); m != nil {
			list = append(list, verdict{port: port(m[1]), reason: lackOfBacklog, gap: -1})
		} else if m := logAhead.FindStringSubmatch(line); m != nil && len(list) > 0 {
			list[len(list)-1].reason = "ahead-of-master" // it follows the line about the backlog
		} else if m := logFirst.FindStringSubmatch(line); m != nil {
			list = append(list, verdict{port: port(m[1]), reason: firstSync, gap: -1})
		}
	}
	return list
}

// explain joins the verdicts of one master to the requests it was sent.
func explain(list []Exchange, master int, verdicts []verdict, ports []int) {
	taken := map[int]bool{}
	for _, v := range verdicts {
		for i := range list {
			e := &list[i]
			full := fullReply(e.Reply)
			if taken[i] || e.Master != master || !full && !strings.HasPrefix(e.Reply, "+CONTINUE") || full != (v.reason != "") ||
				v.reason == firstSync && !strings.HasPrefix(e.Request, "PSYNC ? ") || // said of no other
				v.port != 0 && v.port != ports[e.Replica] || v.id != "" && !strings.Contains(e.Request, v.id) {
				continue
			}
			taken[i] = true
			e.Reason = v.reason
			if v.gap >= 0 {
				e.Gap = v.gap
			}
			break
		}
	}
}

// readyAt is when the newest process of a server began to serve, by its log.
func readyAt(log string) (time.Time, bool) {
	all := logReady.FindAllStringSubmatch(log, -1)
	if len(all) == 0 {
		return time.Time{}, false
	}
	text := all[len(all)-1][1]
	at, err := time.ParseInLocation("02 Jan 2006 15:04:05.000", text, time.Local)
	if err != nil { // before 5.0 there is no year
		at, err = time.ParseInLocation("2006 02 Jan 15:04:05.000", strconv.Itoa(time.Now().Year())+" "+text, time.Local)
	}
	return at, err == nil
}
