package logs

import (
	"regexp"
	"strconv"
	"strings"
	"time"
)

// kind is what a line says.
type kind int

const (
	other kind = iota

	// What a replica logs.
	connecting    // it dials
	connected     // the dial worked
	refused       // the dial failed at once
	connectTimed  // the dial hung for a whole repl-timeout
	unanswered    // the dial worked, and then nobody spoke, as behind a proxy without its server
	lost          // the link is gone
	silence       // repl-timeout passed without a byte
	bulkTimed     // the same, during a full synchronization
	bulkFailed    // a full synchronization broke
	requested     // PSYNC id offset
	uncached      // PSYNC ? -1: it has nothing to go on with
	fullFrom      // +FULLRESYNC id offset
	continued     // +CONTINUE
	newID         // the id that +CONTINUE gave
	noPsync       // the master has no PSYNC, or answered with an error
	receiving     // the snapshot begins to arrive
	flushing      // all of it is here
	loading       // it is loaded
	finished      // the full synchronization is over
	following     // REPLICAOF
	promoted      // REPLICAOF NO ONE
	cacheDropped  // what it knew of its old master is thrown away
	masterRefused // -NOMASTERLINK, -LOADING and the like

	// What a master logs.
	asks           // a replica asked for synchronization
	asksFull       // with PSYNC ? -1
	lackOfBacklog  // its offset is not in the backlog
	ahead          // its offset is not there yet
	idMismatch     // its history is another
	secondOffset   // its history is the one before, but it went on with it
	accepted       // +CONTINUE
	bgsave         // a snapshot begins
	bgsaveDelayed  // a diskless one waits for other replicas
	online         // the replica has the snapshot
	replicaLost    // its connection is gone
	replicaTimed   // repl-timeout without a word from it
	bufferExceeded // client-output-buffer-limit
	backlogFreed   // repl-backlog-ttl

	// What both log.
	started   // the version
	ready     // it accepts connections
	savesLast // it is told to end, and writes a snapshot first
	exiting
)

// message is what a line says, with its numbers.
type message struct {
	kind   kind
	id     string
	offset int64
	bytes  int64
	peer   string
	text   string // a reason, a version
	pid    int
	idle   time.Duration // of started: since the last line of the process before
}

// words is one line of a server, with replica for slave and master for primary,
// in small letters. The names of groups are the fields of message.
type words struct {
	kind kind
	re   *regexp.Regexp
	hint string // stands in every such line; cheap to look for
}

const (
	id   = `(?P<id>[0-9a-f]{40}|\?)`
	num  = `(?P<offset>-?\d+)`
	peer = `(?P<peer>\S+)`
)

// table is made from serverLog calls of redis 2.6.17 to 7.4.1 and valkey 8.0.1:
// replication.c, networking.c, rdb.c, server.c.
var table = func() []words {
	var all []words
	for _, w := range []struct {
		kind kind
		hint string
		re   string
	}{
		{connected, "non blocking connect", `^non blocking connect for sync fired`},
		{refused, "error condition on socket", `^error condition on socket for (?:dual channel replication|sync): (?P<text>.*)`},
		{refused, "unable to connect to master", `^unable to connect to master: (?P<text>.*)`},
		{connectTimed, "timeout connecting", `^timeout connecting to the master`},
		{unanswered, "did not respond to", `^master did not respond to .*command during sync handshake`},
		{unanswered, "failed to read response", `^failed to read response from the server: (?P<text>.*)`},
		{unanswered, "error reply to ping", `^error reply to ping from master: '(?P<text>.*)'`},
		{unanswered, "replication handshake", `^sending command to master in (?:dual channel )?replication handshake: (?P<text>.*)`},
		{connecting, "connecting to master", `connecting to master (?P<peer>\S+)`},
		{connecting, "connecting to master", `^connecting to master`},
		{silence, "no data nor ping", `^master timeout: no data nor ping received`},
		{bulkTimed, "timeout receiving bulk", `^timeout receiving bulk data from master`},
		{bulkFailed, "i/o error", `^i/o error (?:trying to sync with master|reading bulk count from master|writing to master): (?P<text>.*)`},
		{bulkFailed, "master aborted replication", `^master aborted replication with an error: (?P<text>.*)`},
		{bulkFailed, "failed trying to load", `^failed trying to load the master synchronization db(?P<text>.*)`},
		{lost, "connection with master lost", `^connection with master lost`},
		{requested, "trying a partial", `^trying a partial resynchronization (?:using main channel )?\(request ` + id + `:` + num + `\)`},
		{uncached, "no cached master", `^partial resynchronization not possible \(no cached master\)`},
		{fullFrom, "full resync from master", `^full resync from master: ` + id + `:` + num},
		{continued, "successful partial", `^successful partial resynchronization with master`},
		{newID, "replication id changed", `^master replication id changed to ` + id},
		{noPsync, "does not support psync", `^master does not support psync or is in error state \(reply: (?P<text>.*)\)`},
		{masterRefused, "unable to psync but should", `^master is currently unable to psync but should be in the future: (?P<text>.*)`},
		{receiving, "replica sync: receiving", `sync: receiving (?P<bytes>\d+) bytes from master`},
		{receiving, "replica sync: receiving", `sync: receiving streamed rdb from master`},
		{flushing, "flushing old data", `sync: flushing old data`},
		{loading, "loading db in memory", `sync: loading db in memory`},
		{finished, "finished with success", `sync: finished with success`},
		{following, "enabled (", `^(?:replicaof|replica of) (?P<peer>\S+) enabled \(`},
		{promoted, "master mode enabled", `^master mode enabled \((?P<text>\w+)`},
		{cacheDropped, "discarding previously cached", `^discarding previously cached master state`},

		{lackOfBacklog, "for lack of backlog", `^unable to partial resync with (?:the )?replica ?(?P<peer>\S*?) ?for lack of backlog \(replica request was: ` + num + `\)`},
		{ahead, "greater than the master replication offset", `^warning: replica ` + peer + ` tried to psync with an offset that is greater`},
		{idMismatch, "id mismatch", `replication id mismatch \(replica asked for '(?P<id>[^']*)'`},
		{idMismatch, "runid mismatch", `runid mismatch \(client asked for (?:runid )?'(?P<id>[^']*)'`},
		{secondOffset, "requested offset for second id", `requested offset for second id was ` + num + `, but i can reply up to (?P<bytes>-?\d+)`},
		{accepted, "partial resynchronization request", `^partial resynchronization request (?:from ` + peer + ` )?accepted. sending (?P<bytes>\d+) bytes of backlog starting from offset ` + num},
		{asksFull, "full resync requested", `^full resync requested by replica ?(?P<peer>\S*)`},
		{asks, "asks for synchronization", `^replica (?:(?P<peer>\S+) )?asks for synchronization`},
		{bgsave, "starting bgsave for sync", `^starting bgsave for sync(?: with target: (?P<text>\w+))?`},
		{bgsaveDelayed, "delay next bgsave", `^delay next bgsave`},
		{online, "synchronization with replica", `^synchronization with replica ?(?P<peer>\S*) succeeded`},
		{replicaLost, "connection with replica", `^connection with replica ?(?P<peer>\S*) lost`},
		{replicaTimed, "disconnecting timedout", `^disconnecting timedout replica(?: \((?P<text>[^)]*)\))?: ` + peer},
		{bufferExceeded, "output buffer limits", `^client (?P<text>.*?) ?(?:scheduled to be closed asap|closed) for overcoming of output buffer limits`},
		{backlogFreed, "replication backlog freed", `^replication backlog freed after (?P<bytes>\d+) seconds`},

		{started, "version=", `(?P<peer>redis|valkey) version=(?P<text>\d+\.\d+\.\d+)`},
		{started, "server started, redis version", `^server started, (?P<peer>redis) version (?P<text>\d+\.\d+\.\d+)`},
		{ready, "ready to accept connections", `ready to accept connections`},
		{ready, "now ready to accept", `now ready to accept connections`},
		{savesLast, "saving the final rdb", `^saving the final rdb snapshot before exiting`},
		{exiting, "ready to exit", `ready to exit`},
	} {
		all = append(all, words{w.kind, regexp.MustCompile(w.re), w.hint})
	}
	return all
}()

var terms = strings.NewReplacer("slave", "replica", "primary", "master")

// read finds out what a line says.
func (l *Line) read() message {
	s := terms.Replace(strings.ToLower(l.Text))
	for i := range table {
		w := &table[i]
		if !strings.Contains(s, w.hint) {
			continue
		}
		found := w.re.FindStringSubmatch(s)
		if found == nil {
			continue
		}
		m := message{kind: w.kind, pid: l.PID}
		for k, name := range w.re.SubexpNames() {
			switch name {
			case "id":
				m.id = found[k]
			case "offset":
				m.offset, _ = strconv.ParseInt(found[k], 10, 64)
			case "bytes":
				m.bytes, _ = strconv.ParseInt(found[k], 10, 64)
			case "peer":
				m.peer = found[k]
			case "text":
				m.text = found[k]
			}
		}
		return m
	}
	return message{}
}
