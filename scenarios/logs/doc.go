// Package logs reads what redis-server and valkey-server log about replication:
// which links were lost and why, what every replica asked for, what its master
// answered, how long the phases of a full synchronization took, and which
// backlog would have been enough.
//
// [Read] takes the logs of masters and replicas, rotated or not, in any order.
// It knows the words of redis 2.6 to 7.4 and of valkey 8.0, with and without the
// year in the time, and what usually stands before a line: the timestamps of
// Docker and Kubernetes, the service names of Docker Compose, JSON lines, syslog.
//
// Why a link was lost may stand in another server's log: that the master's process was told
// to end or was killed, or that a replica took its place, in order or because it was gone. So
// the logs of all servers tell more than those of one.
//
// What follows from one log alone is exact: the request in a replica's log, and
// the offset of the answer. What is put together from both logs is matched by
// offset, and by time where there is none. What is guessed says so.
package logs
