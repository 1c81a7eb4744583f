package outages

// Preset is an outage with a name. Durations are quantiles as Parse reads them.
type Preset struct {
	Name, About string
	Kind        Kind
	Durations   string
	Source      string // where the numbers come from; "assumed" if from nowhere
}

// Presets are the outages that have a name. Nobody can know how long outages
// will last elsewhere: what is documented is the mechanism, and the rest is
// said to be assumed.
func Presets() []Preset {
	return []Preset{
		{
			"pod-restart", "the replica's pod ends and is started again on the same node", ReplicaRestart, "min=1s,p50=5s,p90=20s,p99=60s,max=5m",
			"assumed; Kubernetes gives a pod 30 s to end (terminationGracePeriodSeconds) and waits 10 s to 5 min between restarts of one that crashes",
		},
		{
			"restart", "the master's process is shut down and started again: an upgrade, another setting", Restart, "min=1s,p50=5s,p90=20s,p99=60s,max=5m",
			"assumed",
		},
		{
			"crash", "the master's process is killed, and its supervisor starts it again", Crash, "min=100ms,p50=2s,p90=10s,p99=60s,max=5m",
			"assumed; systemd waits 100 ms before it restarts a service (RestartSec)",
		},
		{
			"failover", "the master is killed, and a replica is promoted", Failover, "min=30s,p50=31s,p90=33s,p99=45s,max=3m",
			"assumed, but for the least: Sentinel's down-after-milliseconds is 30000 in its sentinel.conf, and failover-timeout 180000",
		},
		{
			"switchover", "a replica takes the master's place in order: FAILOVER from redis-6.2 on, by hand before", Switchover, "min=100ms,p50=1s,p90=3s,max=10s",
			"assumed; it counts only where there is no FAILOVER, and clients are paused by hand",
		},
		{
			"proxy-restart", "a proxy or load balancer on the way is restarted", Reset, "p50=500ms,p90=2s,p99=10s,max=1m",
			"assumed",
		},
		{
			"switch-flap", "a switch port goes down and up, and the paths are found again", Silent, "p50=1s,p90=6s,p99=50s",
			"assumed between these: rapid spanning tree notices after 3 hellos of 2 s, IEEE 802.1w; classic spanning tree takes 20 + 15 + 15 s, IEEE 802.1D",
		},
		{
			"zone-cut", "two zones cannot reach each other", Silent, "p50=5m,p90=1h,p99=6h,max=24h",
			"assumed, but for the median: the usual time to repair a link inside data centres, Gill et al., SIGCOMM 2011, as Bailis and Kingsbury quote it in The Network is Reliable, 2014",
		},
		{
			"vpn", "a tunnel's other end is gone, and it is set up again", Silent, "p50=10s,p90=60s,p99=165s",
			"assumed between these: OpenVPN with keepalive 10 60 begins anew after 60 s of silence; strongSwan's IKEv2 gives a peer up 165 s after the first message without an answer",
		},
		{
			"live-migration", "a virtual machine moves to another host", Silent, "p50=300ms,p90=2s,p99=10s,max=1m",
			"assumed",
		},
	}
}

func named(name string) *Preset {
	for _, p := range Presets() {
		if p.Name == name {
			return &p
		}
	}
	return nil
}

func presetNames() (all []string) {
	for _, p := range Presets() {
		all = append(all, p.Name)
	}
	return all
}
