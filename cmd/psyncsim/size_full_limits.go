package main

import (
	"fmt"
	"math"
	"strings"
	"time"

	"psyncsim/model"
	"psyncsim/results/risk"
	"psyncsim/scenarios/sizing"
)

// What ends full synchronizations under load, and what does not.

// bufferBinds proposes limits under which full synchronizations end. closed of them do not,
// soft of these because of the soft limit alone.
func (j *sizeJob) bufferBinds(f *risk.FullSync, closed, soft int) error {
	s := j.plan.Settings()
	hard := risk.Round(f.Buffer + f.Buffer/4)
	seconds := time.Duration(math.Ceil(f.Seconds*1.25/60)) * time.Minute
	e := editOf(s.BacklogSize)
	for _, try := range [][2]int64{{hard / 2, int64(seconds)}, {hard, int64(seconds)}, {0, 0}} {
		e.hard, e.soft, e.softSeconds = hard, try[0], time.Duration(try[1])
		ends := true
		for i := range fullRuns {
			got, err := j.catches(j.plan.Loaded(i, e.change), 0, longestFull)
			if err != nil {
				return err
			}
			ends = ends && got.took > 0 && got.closed == 0
		}
		if ends {
			break
		}
	}
	which := fmt.Sprintf("the hard limit is %s", risk.ConfSize(s.HardLimit))
	if soft == closed {
		which = fmt.Sprintf("the soft limit is %s for %v", risk.ConfSize(s.SoftLimit), s.SoftSeconds)
	}
	line := j.value(limitBuffer, e)
	l := risk.Limit{Name: limitBuffer, Binds: true, Full: int64(closed), Of: fullRuns, Removed: int64(closed), Now: j.now(limitBuffer), Better: line,
		Text: fmt.Sprintf("a full sync needs %s of buffer at this write rate; %s", risk.Size(f.Buffer), which)}
	var err error
	if l.Replay, l.Cured, err = j.syncExample(j.plan, j.plan, e.change, j.sets(e), longestFull); err != nil {
		return err
	}
	j.a.Limits = append([]risk.Limit{l}, j.a.Limits...)
	j.advise(limitBuffer, e)
	return nil
}

// syncExample gives the commands that play a full synchronization which is followed by
// another one as things are, and by none with another plan or with changed settings; sets
// say to a scenario what differs. At most most of virtual time is played.
func (j *sizeJob) syncExample(now, then *sizing.Plan, change func(i int, s *model.Settings), sets []string, most time.Duration) (replay, cured string, err error) {
	for i := range fullRuns {
		was, err := j.watches(catchUp{twice: true}, now.Loaded(i, nil), 0, most)
		if err != nil {
			return "", "", err
		}
		if was.again == 0 {
			continue
		}
		with, err := j.watches(catchUp{}, then.Loaded(i, change), 0, most)
		if err != nil {
			return "", "", err
		}
		if with.took == 0 || with.fulls != 1 {
			continue
		}
		long := max(time.Duration(was.again), time.Duration(with.begun)+with.took).Truncate(time.Second) + 5*time.Second
		one, ok := now.ReplaySync(i, long)
		other, _ := then.ReplaySync(i, long)
		if !ok {
			return "", "", nil
		}
		for _, x := range sets {
			other = append(other, "--set", x)
		}
		return commandOf(one), commandOf(other), nil
	}
	return "", "", nil
}

// commandOf is a command line for a shell.
func commandOf(args []string) string {
	var b strings.Builder
	b.WriteString("psyncsim")
	for _, x := range args {
		b.WriteString(" " + shellWord(x))
	}
	return b.String()
}

// delay says of a diskless snapshot's wait for other replicas that it makes no
// resynchronization full. It begins when a master has judged one to be; until the
// snapshot begins nothing gathers for the replica, whose link is kept by newlines
// (model/fullsync.go; TestDisklessDelayNeverBinds plays it). Only a second outage while it lasts
// costs another full one: scenario diskless-delay-flap.
func (j *sizeJob) delay() {
	s := j.plan.Settings()
	if !s.Diskless || s.DisklessDelay == 0 {
		return
	}
	j.a.Limits = append(j.a.Limits, risk.Limit{Name: limitDelay, Now: j.value(limitDelay, editOf(s.BacklogSize)),
		Text: fmt.Sprintf("a full sync waits %v for other replicas before it begins, and takes so much longer. That makes none full: the wait begins when one is already, nothing is kept for the replica until it ends, and newlines keep its link; only an outage while it lasts begins it anew. Do not change this setting", s.DisklessDelay)})
}
