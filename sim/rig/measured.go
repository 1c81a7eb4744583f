package rig

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"time"
)

// Measured is what the real stack did, as kept in results/tcp-linux.
type Measured struct {
	Kernel       string            `json:"kernel"`
	HZ           int               `json:"hz"` // ticks a second of its clock; 0 is not known
	Date         string            `json:"date"`
	Redis        string            `json:"redis,omitempty"`         // as profiles call it: redis-7.0
	RedisVersion string            `json:"redis_version,omitempty"` // 7.0.15
	Quick        bool              `json:"quick"`                   // a part of the seeds only
	Sysctls      map[string]string `json:"sysctls"`
	MSS          int64             `json:"mss_bytes"`
	Repeated     int               `json:"repeated"` // experiments made again because the forwarder was late
	Lateness     Lateness          `json:"lateness"` // of the experiments that were kept
	Bulk         []BulkCell        `json:"bulk"`
	Silence      []SilenceCell     `json:"silence"`
	Connect      []ConnectCell     `json:"connect"`
	Reconnect    []ReconnectCell   `json:"reconnect"`

	// Disturbed says that experiments are missing, and why; "" is that none are.
	Disturbed   string `json:"-"`
	undone      int
	lastTrouble string
}

// BulkCell is one kind of bulk transfer: from A to B, without pause, for a time.
type BulkCell struct {
	RTT        time.Duration `json:"rtt_ns"`
	LossPPM    int64         `json:"loss_ppm"` // of packets, both ways
	Congestion string        `json:"congestion"`
	Rate       int64         `json:"rate_bytes_per_s"` // of IP packets
	Queue      int64         `json:"queue_bytes"`
	For        time.Duration `json:"for_ns"` // from the moment the sender was connected
	Runs       []BulkRun     `json:"runs"`
}

func (c *BulkCell) String() string {
	return fmt.Sprintf("%s %3d ms %4.1f %%", c.Congestion, c.RTT.Milliseconds(), float64(c.LossPPM)/10000)
}

// Samples is how many samples are taken of a bulk transfer, evenly.
const Samples = 20

// BulkRun is one bulk transfer.
type BulkRun struct {
	Seed       uint64         `json:"seed"`
	Bytes      int64          `json:"bytes"`   // that the reader had by the end
	ByTime     [Samples]int64 `json:"by_time"` // that it had at each part of the time
	Retransmit int64          `json:"retransmitted_segments"`
	Late       time.Duration  `json:"late_ns"` // by which a packet came late, on average
	Data       Count          `json:"data"`    // packets from A
	ACKs       Count          `json:"acks"`    // packets from B
}

// luck is the seed of the network of one run: cells share none of it.
func (c *BulkCell) luck(seed uint64) uint64 {
	x := mix(seed) ^ uint64(c.RTT)
	x = mix(x) ^ uint64(c.LossPPM)
	return mix(x) ^ uint64(len(c.Congestion))
}

// BytesPerSecond is the throughput of a run of a cell.
func (c *BulkCell) BytesPerSecond(r *BulkRun) float64 { return float64(r.Bytes) / c.For.Seconds() }

// SilenceCell is a silence in a stream that is written evenly.
type SilenceCell struct {
	RTT        time.Duration `json:"rtt_ns"`
	Congestion string        `json:"congestion"`
	Silence    time.Duration `json:"silence_ns"`
	Every      time.Duration `json:"every_ns"` // between two writes
	Size       int64         `json:"size_bytes"`
	Runs       []SilenceRun  `json:"runs"`
}

// SilenceRun is one silence.
type SilenceRun struct {
	Seed  uint64        `json:"seed"`
	At    time.Duration `json:"at_ns"`    // when it began, from the connect on
	First time.Duration `json:"first_ns"` // from its end to the first new byte at the reader
}

// ConnectCell is a connect whose first SYNs, or their answers, are lost.
type ConnectCell struct {
	RTT  time.Duration   `json:"rtt_ns"`
	SYNs int             `json:"lost_syns"`
	ACKs int             `json:"lost_synacks"`
	Took []time.Duration `json:"took_ns"`
}

// ReconnectCell is a real pair of servers whose link goes silent.
type ReconnectCell struct {
	RTT     time.Duration  `json:"rtt_ns"`
	Silence time.Duration  `json:"silence_ns"`
	Timeout time.Duration  `json:"repl_timeout_ns"`
	Rate    int64          `json:"write_bytes_per_s"`
	Runs    []ReconnectRun `json:"runs"`
}

// ReconnectRun is one silence of a pair of servers. Zero is never.
type ReconnectRun struct {
	Seed      uint64        `json:"seed"`
	Detect    time.Duration `json:"detect_ns"`    // from the beginning of the silence to the replica giving its link up
	Reconnect time.Duration `json:"reconnect_ns"` // from the end of the silence to the verdict on its PSYNC
	Partial   bool          `json:"partial"`
	Dials     int           `json:"dials"` // connects that it began
}

// MeasuredFile is the name of what was measured in its folder.
const MeasuredFile = "measured.json"

// Read reads what was measured.
func Read(dir string) (*Measured, error) {
	name := filepath.Join(dir, MeasuredFile)
	b, err := os.ReadFile(name)
	if err != nil {
		return nil, err
	}
	m := &Measured{}
	if err := json.Unmarshal(b, m); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return m, nil
}

// Write keeps what was measured.
func (m *Measured) Write(dir string) error {
	b, err := json.MarshalIndent(m, "", " ")
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, MeasuredFile), append(compact(b), '\n'), 0o666)
}
