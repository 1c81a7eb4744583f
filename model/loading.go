package model

// What a process does while a data set is loaded: when it starts, and at the end
// of a full sync. It answers almost everything with -LOADING, and serverCron does
// not run: no timeout, no PING, no ACK, no snapshot (processEventsWhileBlocked).

// Loading says whether a data set is being loaded.
func (s *Server) Loading() bool { return s.disk.loading || s.loading() }

func (s *Server) loadingError() string {
	name := s.prof.LoadingName
	if name == "" {
		name = "Redis"
	}
	return "-LOADING " + name + " is loading the dataset in memory"
}

// refusesLoading answers a command that a loading server does not execute: all
// that have no loading flag, PING, PSYNC and SYNC among them (processCommand).
func (s *Server) refusesLoading(c *client) bool {
	if !s.Loading() {
		return false
	}
	s.reply(c, s.loadingError())
	return true
}

// refusesOrder does the same to an order of the operator.
func (s *Server) refusesOrder(in *Input) bool {
	if !s.Loading() || s.asyncLoading() && in.Kind != InReplicaOf && in.Kind != InSave && in.Kind != InRewrite {
		return false
	}
	var text string
	switch in.Kind {
	case InReplicaOf:
		if text = "REPLICAOF " + in.Peer; in.Peer == "" {
			text = "REPLICAOF NO ONE"
		}
	case InConfigSet:
		if s.prof.ConfigWhileLoads {
			return false
		}
		text = "CONFIG SET"
	case InClientPause:
		if s.prof.ClientWhileLoads {
			return false
		}
		text = "CLIENT PAUSE"
	case InClientKill:
		if s.prof.ClientWhileLoads {
			return false
		}
		text = "CLIENT KILL " + in.Peer
	case InFailover:
		text = failoverText(in)
	case InWait:
		text = "WAIT"
	case InWaitAOF:
		text = "WAITAOF"
	case InRewrite:
		text = "BGREWRITEAOF"
	case InSave:
		text = saveText(in.Save)
	default:
		return false
	}
	s.answer(text, s.loadingError())
	return true
}

// boot begins to load what is on disk (loadDataFromDisk). A master from 7.0 on
// has a backlog from now on, for the deletions of keys that it finds expired.
func (s *Server) boot(saved Saved) {
	s.disk.loading, s.disk.restored = true, saved
	if s.prof.MasterRestart && s.up.host == "" && !s.set.AppendOnly {
		s.createBacklog()
	}
	s.note(Event{Kind: EvLoading})
	s.out = append(s.out, Output{Kind: OutLoad})
}

// booted: what was on disk is in memory. serverCron runs at once, for the first
// time. expired keys, with names of so many bytes, were not taken: their time had
// come while nobody ran.
func (s *Server) booted(expired int64, name int) {
	if !s.disk.loading {
		return
	}
	d := &s.disk
	d.loading = false
	s.cron.start(max(s.cfg.Booted, s.now-Instant(FirstCron)), s.now)
	s.noReplicasSince = s.unix()
	remembers := d.restored.ID != "" && !s.set.AppendOnly && s.prof.PSYNC == 2
	if s.up.host != "" { // a replica leaves expiry to its master
		expired = 0
		if remembers && s.prof.RestartKeepsID {
			s.id, s.mro = d.restored.ID, d.restored.Offset
			s.up.cache(s.id, s.mro)
		}
	}
	d.expired = expired
	s.note(Event{Kind: EvLoaded, Bytes: expired})
	if s.up.host == "" && s.prof.MasterRestart && !s.set.AppendOnly {
		s.bootMaster(remembers, expired, name)
	}
}

// bootMaster takes up a saved history, from 7.0 on: under a new id, with the
// old one as the second, so that only replicas that have all of it can continue.
// Behind it come the deletions of expired keys (loadDataFromDisk,
// rdbLoadRioWithLoadingCtx; facts: 1.2, 1.9).
func (s *Server) bootMaster(remembers bool, expired int64, name int) {
	s.forgetHistory()
	if !remembers {
		return
	}
	at := s.disk.restored.Offset
	s.id2, s.second, s.mro = s.disk.restored.ID, at+1, at
	s.createBacklog()
	s.note(Event{Kind: EvNewID, ID: s.id, ID2: s.id2, Offset: s.second})
	if expired == 0 {
		return
	}
	s.selected = true
	s.feedLiteral(selectZero)
	word := "DEL"
	if s.set.LazyExpire {
		word = "UNLINK"
	}
	key := make([]byte, name)
	for i := range expired {
		for k, n := name-1, i; k >= 0; k, n = k-1, n/10 {
			key[k] = byte('0' + n%10)
		}
		s.feedLiteral(AppendCommand(nil, word, string(key)))
	}
}
