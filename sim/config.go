package sim

import (
	"time"

	"psyncsim/model"
	"psyncsim/sim/tcp"
)

// Config is everything that decides a run, and nothing else: the same Config
// gives the same trace, byte for byte. It is made once per sweep point; a run
// looks nothing up by name.
type Config struct {
	Seed     uint64
	Duration time.Duration // virtual time from 0; > 0
	// Horizon is how far World.Continue can take the run: the loads go on until then.
	// 0 is Duration. Loads end before the horizon: of what is written at the very instant
	// Duration, a run with a later horizon knows.
	Horizon time.Duration
	Servers []ServerConfig
	Links   []LinkConfig // at most one per pair of servers; a pair without one gets DefaultLink
	Loads   []LoadConfig
	Faults  []FaultConfig // any order; the world sorts by At, then by index

	// Bytes carries, parses and compares the stream's bytes. Without it the
	// stream is offsets only: same decisions, same trace.
	Bytes bool
	// PerWrite makes an event of every write instead of bringing nodes up to
	// date when they are asked. Same trace; for tests.
	PerWrite bool
	// EveryTick runs every cron tick, also those at which nothing can happen, and
	// makes events of every ACK.
	// Same trace; for tests.
	EveryTick bool
	// LinearSYNs is how many repeats of a SYN come a second apart before the pause
	// doubles (tcp_syn_linear_timeouts): 0 as Linux before 6.5, 4 as newer ones.
	LinearSYNs int
	// Sample tells every server's offsets so often (trace.Sampled), for charts of
	// one run over time; 0 is never. Samples are no part of the fingerprint.
	Sample time.Duration
	// Asks are the instants, from the first to the last, at which every server that
	// runs is asked for its INFO (trace.Asked), before anything else happens then. What
	// they say is no part of the fingerprint.
	Asks []time.Duration
	// Marks samples every server also when a fault begins, when it ends, and when
	// a replica has lost its link: what was written between those moments is read
	// off it.
	Marks bool
}

// horizon is until when there are loads.
func (c *Config) horizon() time.Duration { return max(c.Duration, c.Horizon) }

// ServerConfig is one server.
type ServerConfig struct {
	Name      string
	Profile   *model.Profile
	Settings  model.Settings
	ReplicaOf string // name of another server; "" is a master
	// Dataset is what a full sync carries, in bytes, when the server starts.
	Dataset int64
	// SaveRate and LoadRate are how fast a snapshot is made and loaded, bytes a
	// second; 0 is at once. Fork is what starting the child costs.
	SaveRate, LoadRate int64
	Fork               time.Duration
	// LoadTime is how long a process that starts takes to load what is on its disk,
	// if it is above 0; else LoadRate says.
	LoadTime time.Duration
	// Uptime is the age of the process at instant 0: its cron ticks and PINGs
	// have that phase. Negative: drawn from the seed.
	Uptime time.Duration
	// Wall is the fraction of the server's wall-clock second at instant 0, in
	// nanoseconds; whole-second comparisons hang on it. Negative: drawn.
	Wall time.Duration
	// CronLate is by how much each turn of its timer (serverCron) comes late; 0 is
	// model.CronLate, the most is model.MaxCronLate.
	CronLate time.Duration
	// KeepAlive is tcp-keepalive, whole seconds; 0 is the version's own default.
	// It matters on links that carry segments.
	KeepAlive time.Duration
	// LibcMalloc: see model.ServerConfig; false is jemalloc, as production servers.
	LibcMalloc bool
	// Manual leaves the start of the process to World.Start; see Begin.
	Manual bool
}

// LinkConfig is the network between two servers, the same both ways.
type LinkConfig struct {
	A, B      int // indices into Servers
	Latency   time.Duration
	Bandwidth int64 // bytes a second; 0 is without limit
	// TCP lets the link carry segments, with all that happens to them; Latency and
	// Bandwidth are then those of its paths. nil is a link of formulas, whose cost
	// does not depend on the bytes moved.
	TCP *TCPLink
}

// TCPLink is a link that carries segments.
type TCPLink struct {
	There, Back tcp.PathConfig // from A to B, from B to A
	Options     tcp.Options    // of both kernels
	// IdleDrop is after what time without a segment the network forgets a
	// connection and swallows all of it (NAT, firewall); 0 is never. IdleReset: it
	// answers with an RST.
	IdleDrop  time.Duration
	IdleReset bool
}

// DefaultLink is the network between servers that no link names: two machines
// of one data centre.
var DefaultLink = LinkConfig{Latency: 250 * time.Microsecond, Bandwidth: 1_250_000_000}

// LoadConfig is one stream of client writes.
type LoadConfig struct {
	Server int
	// Commands is the repeating mix; at least one.
	Commands []Command
	Arrivals ArrivalKind
	// Rate is the mean rate: of stream bytes when PerSecond is 0, else
	// PerSecond commands a second count. For Bursts it is the rate while off.
	BytesPerSecond int64
	PerSecond      int64
	// Bursts: On and Off alternate, the phase is drawn from the seed unless
	// PhaseSet; BurstBytes or BurstPerSecond is the rate while on.
	On, Off                    time.Duration
	BurstBytes, BurstPerSecond int64
	PhaseSet                   bool
	Phase                      time.Duration
	// Trace: bytes written by each instant, from a capture. The first sample
	// must be at instant 0 or later; both columns never go back.
	Trace []TracePoint
	// From and Until bound the load; Until 0 is the end of the run.
	From, Until time.Duration
}

// ArrivalKind says when writes arrive.
type ArrivalKind uint8

// The arrival processes.
const (
	Constant ArrivalKind = iota // evenly, by bytes
	Poisson                     // independent commands
	Bursts                      // two constant rates that alternate
	Trace                       // as captured
)

// TracePoint is one sample of a captured load.
type TracePoint struct {
	At    time.Duration
	Bytes int64 // written since the capture began
}

// Command is one write command of a mix: its name and the lengths of its
// arguments. Its bytes on the stream are model.CommandLen of these.
type Command struct {
	Name  string
	Args  []int // argument lengths; the first is the key, unless Words has it
	Times int   // how often it stands in the cycle, one after another; >= 1
	// Words are what arguments hold: Words[i] is argument i, "" and all behind
	// the list are free. A free first argument is a key.
	Words []string
	// TTL is the time to live that the command gives its keys, 0 for none: Keys of
	// them (0 is one), of KeyBytes bytes each. The master deletes them when it is
	// over.
	TTL      time.Duration
	Keys     int
	KeyBytes int
	// Then are the rest of a transaction: Name is MULTI, the last of them EXEC.
	// They are written and processed as one and count as one command wherever
	// commands are counted. Their own Times and Then are not used.
	Then []Command
}

// Bytes is what the command takes on the stream, with all that goes with it.
func (c *Command) Bytes() int64 {
	size := wireLen(c.Name, c.Args)
	for i := range c.Then {
		size += wireLen(c.Then[i].Name, c.Then[i].Args)
	}
	return size
}

// FaultKind says what goes wrong.
type FaultKind uint8

// The faults.
const (
	FaultReset         FaultKind = iota + 1 // link: both ends are told at once, connects are refused until it ends
	FaultSilent                             // link: nothing arrives, nobody is told; connects hang
	FaultRestart                            // server: stops in order, Save or not, starts again For later
	FaultCrash                              // server: kill -9, starts again For later
	FaultPause                              // server: the process is frozen
	FaultPromote                            // server: REPLICAOF NO ONE
	FaultReplicaOf                          // server: REPLICAOF Peer
	FaultConfigSet                          // server: CONFIG SET, Settings is the whole new set
	FaultFailover                           // server: FAILOVER to Peer (below 0: any replica), Force, Timeout, Abort
	FaultClientPause                        // server: CLIENT PAUSE for a time (Timeout), All or WRITE
	FaultClientUnpause                      // server: CLIENT UNPAUSE
	FaultWait                               // server: WAIT for Count replicas, at most Timeout (0 is for ever), by the client that wrote last
	FaultShutdownAbort                      // server: SHUTDOWN ABORT
	FaultClientKill                         // server: CLIENT KILL of the connection of replica Peer, or of its rdb channel (Channel)
	FaultSave                               // server: BGSAVE, or SAVE if Save: the process itself does it, and nothing else meanwhile
	FaultSlow                               // link of segments: another bandwidth for a while, both ways or one way
	FaultChildKill                          // server: kill -9 of the child that makes a snapshot
	FaultRequest                            // server: a client connects and says the lines of Say; it hangs up For later
	FaultWaitAOF                            // server: WAITAOF for Local fsyncs of its own and Count of replicas, else as FaultWait
	FaultRewrite                            // server: BGREWRITEAOF
)

// Way is a direction of a link.
type Way uint8

// The ways.
const (
	BothWays Way = iota
	There        // only from A to B
	Back         // only from B to A
)

// FaultConfig is one fault. Link faults name both servers; the others Server.
type FaultConfig struct {
	At, For  time.Duration
	Kind     FaultKind
	A, B     int // link
	Server   int
	Peer     int // FaultReplicaOf, FaultFailover, FaultClientKill
	Save     bool
	Now      bool // FaultRestart: it waits for no replica (SHUTDOWN NOW)
	Force    bool
	Abort    bool
	All      bool
	Channel  bool
	Count    int64
	Local    int64 // FaultWaitAOF
	Timeout  time.Duration
	Settings *model.Settings
	Say      []string // FaultRequest: one or more
	// Expired keys, with names of ExpiredName bytes, come to their time while the
	// process is down (FaultRestart, FaultCrash).
	Expired     int64
	ExpiredName int
	// Of links of segments: Way is one direction only (FaultSilent, FaultSlow),
	// Bandwidth the new rate (FaultSlow, bytes a second), and Power says that the
	// machine of the server loses its power: no FIN is sent (FaultCrash).
	Way       Way
	Bandwidth int64
	Power     bool
}
