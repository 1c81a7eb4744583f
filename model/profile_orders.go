package model

// OrderShape is what a version lets clients and operators ask of replication, and
// in which words it refuses.
type OrderShape struct {
	ClientPause  bool   // knows CLIENT PAUSE
	PauseWrites  bool   // a pause holds commands, not sockets: PAUSE knows WRITE, and UNPAUSE exists
	PauseCauses  bool   // CLIENT PAUSE, FAILOVER and SHUTDOWN have pauses of their own
	ClockInCall  bool   // the clock is read with each command, not by serverCron alone
	ClientSyntax string // the reply to a CLIENT subcommand that is not known; "" is that of 6.2 and later
	DropsTalkers bool   // a replica whose link would carry a reply is closed
	Users        bool   // AUTH may name a user
	AuthNone     string // the reply to AUTH where no password is set
	AuthWrong    string // the reply to a wrong password
	NoAuth       string // the refusal of whoever did not AUTH
	ReplicaWord  string // how errors call a replica
	TimeoutSum   string // the refusal of a timeout whose end is beyond 2^63 ms; "" takes it
	TimeoutWraps bool   // such a WAIT is over at once; else it waits for ever
	MisConf      string // the refusal of a write while no snapshot can be saved
	MisConfPing  bool   // PING is refused with it, and so is every replica that would connect
	MisConfAll   bool   // by replicas too
	WaitSince    string // since when WAIT refuses replicas, in that error
}

// As read in redis 2.6.17 - 7.4.1 and valkey 8.0.1: networking.c, blocked.c,
// replication.c.
var (
	orders26 = OrderShape{MisConf: misConf26, AuthNone: noPassword, AuthWrong: "-ERR invalid password", NoAuth: "-ERR operation not permitted", ClientSyntax: "-ERR Syntax error, try CLIENT (LIST | KILL ip:port | GETNAME | SETNAME connection-name)", ReplicaWord: "slave"}
	orders28 = OrderShape{MisConf: misConf26, MisConfPing: true, AuthNone: noPassword, AuthWrong: "-ERR invalid password", NoAuth: noAuth, ClientSyntax: orders26.ClientSyntax, ReplicaWord: "slave"}
	orders32 = OrderShape{TimeoutWraps: true, MisConf: misConf26, MisConfPing: true, AuthNone: noPassword, AuthWrong: "-ERR invalid password", NoAuth: noAuth, ClientPause: true, ClientSyntax: "-ERR Syntax error, try CLIENT (LIST | KILL | GETNAME | SETNAME | PAUSE | REPLY)", ReplicaWord: "slave"}
	orders40 = OrderShape{TimeoutWraps: true, MisConf: misConf40, MisConfPing: true, AuthNone: noPassword, AuthWrong: "-ERR invalid password", NoAuth: noAuth, ClientPause: true, ClientSyntax: orders32.ClientSyntax, ReplicaWord: "slave", WaitSince: " since Redis 4.0"}
	orders50 = OrderShape{TimeoutWraps: true, MisConf: misConf40, MisConfPing: true, AuthNone: noPassword, AuthWrong: "-ERR invalid password", NoAuth: noAuth, ClientPause: true, ClockInCall: true, ReplicaWord: "replica", WaitSince: " since Redis 4.0",
		ClientSyntax: "-ERR Unknown subcommand or wrong number of arguments for 'UNPAUSE'. Try CLIENT HELP"}
	orders62 = OrderShape{MisConf: misConf40, MisConfPing: true, Users: true, AuthNone: noPasswordUser, AuthWrong: "-WRONGPASS invalid username-password pair or user is disabled.", NoAuth: noAuth, ClientPause: true, PauseWrites: true, ClockInCall: true, ReplicaWord: "replica", WaitSince: " since Redis 4.0"}
	orders70 = OrderShape{MisConf: misConf70, MisConfPing: true, MisConfAll: true, DropsTalkers: true, Users: true, AuthNone: noPasswordUser, AuthWrong: "-WRONGPASS invalid username-password pair or user is disabled.", NoAuth: noAuth, ClientPause: true, PauseWrites: true, PauseCauses: true, ClockInCall: true, ReplicaWord: "replica", WaitSince: " since Redis 4.0"}
	orders72 = func() OrderShape { o := orders70; o.TimeoutSum = sumTooLarge; return o }()
	orders80 = OrderShape{TimeoutSum: sumTooLarge, MisConf: misConf80, MisConfPing: true, MisConfAll: true, DropsTalkers: true, Users: true, AuthNone: noPasswordUser, AuthWrong: "-WRONGPASS invalid username-password pair or user is disabled.", NoAuth: noAuth, ClientPause: true, PauseWrites: true, PauseCauses: true, ClockInCall: true, ReplicaWord: "replica"}
)

const (
	sumTooLarge    = "-ERR timeout is out of range"
	noAuth         = "-NOAUTH Authentication required."
	noPassword     = "-ERR Client sent AUTH, but no password is set"
	noPasswordUser = "-ERR AUTH <password> called without any password configured for the default user. Are you sure your configuration is correct?"

	misConf26 = "-MISCONF Redis is configured to save RDB snapshots, but is currently not able to persist on disk. Commands that may modify the data set are disabled. Please check Redis logs for details about the error."
	misConf40 = "-MISCONF Redis is configured to save RDB snapshots, but it is currently not able to persist on disk." + misConfWhy + " Please check the Redis logs for details about the RDB error."
	misConf70 = "-MISCONF Redis is configured to save RDB snapshots, but it's currently unable to persist to disk." + misConfWhy + " Please check the Redis logs for details about the RDB error."
	misConf80 = "-MISCONF Valkey is configured to save RDB snapshots, but it's currently unable to persist to disk." + misConfWhy + " Please check the Valkey logs for details about the RDB error."

	misConfWhy = " Commands that may modify the data set are disabled, because this instance is configured to report errors during writes if RDB snapshotting fails (stop-writes-on-bgsave-error option)."
)
