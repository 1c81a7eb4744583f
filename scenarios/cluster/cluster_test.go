// Package cluster holds ready manifests that run a sweep on Kubernetes, Slurm
// and GitHub Actions. Its tests hold them against what those engines accept, and
// play the first two with the program itself.
package cluster

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/rhysd/actionlint"
	batch "k8s.io/api/batch/v1"
	core "k8s.io/api/core/v1"
	"sigs.k8s.io/yaml"
)

func read(t *testing.T, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestGitHubActions(t *testing.T) {
	l, err := actionlint.NewLinter(io.Discard, &actionlint.LinterOptions{})
	if err != nil {
		t.Fatal(err)
	}
	lint := func(text []byte) []*actionlint.Error {
		errs, err := l.Lint("github-actions.yaml", text, nil)
		if err != nil {
			t.Fatal(err)
		}
		return errs
	}
	text := read(t, "github-actions.yaml")
	for _, e := range lint(text) {
		t.Error(e)
	}
	if len(lint(bytes.Replace(text, []byte("needs: shard"), []byte("needs: shards"), 1))) == 0 {
		t.Error("a job that does not exist is not noticed")
	}
	const eight = "[1, 2, 3, 4, 5, 6, 7, 8]"
	if !bytes.Contains(text, []byte(eight)) || !bytes.Contains(text, []byte("matrix.shard }}/8")) {
		t.Error("the matrix and the flag name different numbers of shards")
	}
}

// The commands of the workflow do what a single run does, one job after the other.
func TestGitHubActionsCommands(t *testing.T) {
	var w struct {
		Jobs map[string]struct {
			Steps []struct{ Name, Run string } `json:"steps"`
		} `json:"jobs"`
	}
	if err := yaml.Unmarshal(read(t, "github-actions.yaml"), &w); err != nil {
		t.Fatal(err)
	}
	dir, bin := t.TempDir(), build(t)
	if err := os.Symlink(bin, filepath.Join(dir, "bin")); err != nil {
		t.Fatal(err)
	}
	played := 0
	step := func(job, name, shard string) {
		for _, s := range w.Jobs[job].Steps {
			if s.Name != name {
				continue
			}
			played++
			cmd := exec.Command("bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", strings.ReplaceAll(s.Run, "${{ matrix.shard }}", shard))
			cmd.Dir, cmd.Env = dir, append(os.Environ(), "SCENARIO=contract-example")
			if b, err := cmd.CombinedOutput(); err != nil {
				t.Fatalf("%s: %v: %s", name, err, b)
			}
		}
	}
	if err := os.Mkdir(filepath.Join(dir, "shards"), 0o755); err != nil {
		t.Fatal(err)
	}
	for i := 1; i <= 8; i++ {
		shard := fmt.Sprint(i)
		step("shard", "run one shard", shard)
		if err := os.Rename(filepath.Join(dir, "shard"), filepath.Join(dir, "shards", "shard-"+shard)); err != nil { // as an artifact
			t.Fatal(err)
		}
	}
	step("merge", "merge", "")
	if played != 9 {
		t.Fatalf("%d steps, not 9", played)
	}
	single(t, bin, "contract-example", filepath.Join(dir, "results"))
}

// kubernetes is the manifest, decoded with no unknown or doubled field.
type kubernetes struct {
	config core.ConfigMap
	claim  core.PersistentVolumeClaim
	shards batch.Job
	merge  batch.Job
}

func decode(text []byte) (*kubernetes, error) {
	docs := strings.Split(string(text), "\n---\n")
	k := &kubernetes{}
	into := []any{&k.config, &k.claim, &k.shards, &k.merge}
	if len(docs) != len(into) {
		return nil, fmt.Errorf("%d documents, not %d", len(docs), len(into))
	}
	for i, d := range docs {
		if err := yaml.UnmarshalStrict([]byte(d), into[i]); err != nil {
			return nil, fmt.Errorf("document %d: %w", i, err)
		}
	}
	return k, k.words()
}

// words checks what the types leave open: names that a server would look up.
func (k *kubernetes) words() error {
	type word struct{ is, want string }
	all := []word{
		{k.config.APIVersion + " " + k.config.Kind, "v1 ConfigMap"},
		{k.claim.APIVersion + " " + k.claim.Kind, "v1 PersistentVolumeClaim"},
		{fmt.Sprint(k.claim.Spec.AccessModes), fmt.Sprint([]core.PersistentVolumeAccessMode{core.ReadWriteMany})},
	}
	for _, j := range []*batch.Job{&k.shards, &k.merge} {
		p := &j.Spec.Template.Spec
		all = append(all, word{j.APIVersion + " " + j.Kind, "batch/v1 Job"}, word{string(p.RestartPolicy), string(core.RestartPolicyNever)})
		for i := range p.Volumes {
			v := &p.Volumes[i]
			if v.ConfigMap != nil {
				all = append(all, word{v.ConfigMap.Name, k.config.Name})
			} else if v.PersistentVolumeClaim != nil {
				all = append(all, word{v.PersistentVolumeClaim.ClaimName, k.claim.Name})
			}
		}
		for _, c := range p.Containers {
			if c.Image == "" || c.Name == "" {
				return fmt.Errorf("%s: a container without a name or an image", j.Name)
			}
		}
	}
	for _, w := range all {
		if w.is != w.want {
			return fmt.Errorf("%q stands where %q should", w.is, w.want)
		}
	}
	return nil
}

func TestKubernetes(t *testing.T) {
	text := read(t, "kubernetes.yaml")
	k, err := decode(text)
	if err != nil {
		t.Fatal(err)
	}
	for _, wrong := range [][2]string{{"completions: 8", "completion: 8"}, {"parallelism: 8", `parallelism: "8"`}, {"mountPath: /scenario", "path: /scenario"},
		{"kind: Job", "kind: Jobs"}, {"apiVersion: batch/v1", "apiVersion: batch/v2"}, {"restartPolicy: Never", "restartPolicy: Seldom"}, {"ReadWriteMany", "ReadWriteAll"},
		{"claimName: psyncsim-results", "claimName: results"}, {"image: ", "# "}} {
		if !bytes.Contains(text, []byte(wrong[0])) {
			t.Errorf("%q is not there", wrong[0])
		}
		if _, err := decode(bytes.Replace(text, []byte(wrong[0]), []byte(wrong[1]), 1)); err == nil {
			t.Errorf("%q is not noticed", wrong[1])
		}
	}
	s := k.shards.Spec
	if *s.CompletionMode != batch.IndexedCompletion || s.BackoffLimitPerIndex == nil {
		t.Error("the shards are no Indexed Job with retries of their own")
	}
	for _, j := range []*batch.Job{&k.shards, &k.merge} {
		c := j.Spec.Template.Spec.Containers[0]
		if want := fmt.Sprint(*s.Completions); c.Env[0].Name != "SHARDS" || c.Env[0].Value != want {
			t.Errorf("%s: %v, not %s shards", j.Name, c.Env, want)
		}
		for _, m := range c.VolumeMounts {
			if volume(j, m.Name) == nil {
				t.Errorf("%s mounts %s, which is no volume", j.Name, m.Name)
			}
		}
	}
	play(t, k)
}

func volume(j *batch.Job, name string) *core.Volume {
	for i := range j.Spec.Template.Spec.Volumes {
		if v := &j.Spec.Template.Spec.Volumes[i]; v.Name == name {
			return v
		}
	}
	return nil
}

// play runs what the pods would run, the merge first: it waits for the shards.
func play(t *testing.T, k *kubernetes) {
	dir := t.TempDir()
	bin := build(t)
	scenario := filepath.Join(dir, "sweep.yaml")
	if err := os.WriteFile(scenario, []byte(k.config.Data["sweep.yaml"]), 0o644); err != nil {
		t.Fatal(err)
	}
	pod := func(j *batch.Job, env ...string) *exec.Cmd {
		c := j.Spec.Template.Spec.Containers[0]
		args := strings.NewReplacer("/scenario/", dir+"/", "/results/", dir+"/results/", "sleep 10", "sleep 0.2").Replace(c.Args[0])
		cmd := exec.Command(c.Command[0], c.Command[1], args)
		cmd.Env = append(os.Environ(), "PATH="+bin+":"+os.Getenv("PATH"), "SHARDS="+c.Env[0].Value)
		cmd.Env = append(cmd.Env, env...)
		return cmd
	}
	merge := pod(&k.merge)
	var out bytes.Buffer
	merge.Stdout, merge.Stderr = &out, &out
	if err := merge.Start(); err != nil {
		t.Fatal(err)
	}
	for i := range int(*k.shards.Spec.Completions) {
		if b, err := pod(&k.shards, fmt.Sprint("JOB_COMPLETION_INDEX=", i)).CombinedOutput(); err != nil {
			t.Fatalf("shard %d: %v: %s", i, err, b)
		}
	}
	if err := merge.Wait(); err != nil {
		t.Fatalf("%v: %s", err, &out)
	}
	single(t, bin, scenario, filepath.Join(dir, "results", "all"))
}

// build makes the program, once for all tests, and gives its folder.
func build(t *testing.T) string {
	t.Helper()
	bin, err := built()
	if err != nil {
		t.Fatal(err)
	}
	return bin
}

var built = sync.OnceValues(func() (string, error) {
	bin := filepath.Join(folder, "bin")
	b, err := exec.Command("go", "build", "-o", filepath.Join(bin, "psyncsim"), "psyncsim/cmd/psyncsim").CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("%w: %s", err, b)
	}
	return bin, nil
})

// folder lasts as long as the tests of this package.
var folder string

func TestMain(m *testing.M) {
	var err error
	if folder, err = os.MkdirTemp("", "psyncsim-cluster-"); err != nil {
		panic(err)
	}
	code := m.Run()
	os.RemoveAll(folder)
	os.Exit(code)
}

// single runs the sweep in one piece and compares.
func single(t *testing.T, bin, scenario, merged string) {
	t.Helper()
	one := t.TempDir()
	if b, err := exec.Command(filepath.Join(bin, "psyncsim"), "run", scenario, "--out", one, "--quiet").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, b)
	}
	for _, f := range []string{"runs.csv", "resyncs.csv", "summary.json", "boundary.png"} {
		if !bytes.Equal(read(t, filepath.Join(one, f)), read(t, filepath.Join(merged, f))) {
			t.Errorf("%s is not that of a single run", f)
		}
	}
}

// The scripts do what a single run does, when Slurm's variables are set.
func TestSlurmScripts(t *testing.T) {
	dir := t.TempDir()
	bin := build(t)
	scripts, err := filepath.Abs(".")
	if err != nil {
		t.Fatal(err)
	}
	script := func(name string, env ...string) {
		cmd := exec.Command("bash", filepath.Join(scripts, name))
		cmd.Dir = dir
		cmd.Env = append(os.Environ(), append(env, "PATH="+bin+":"+os.Getenv("PATH"))...)
		if b, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%s: %v: %s", name, err, b)
		}
	}
	for i := 1; i <= 16; i++ {
		script("slurm-shards.sbatch", fmt.Sprint("SLURM_ARRAY_TASK_ID=", i), "SLURM_ARRAY_TASK_COUNT=16", "SLURM_ARRAY_TASK_MIN=1", "SLURM_CPUS_PER_TASK=2")
	}
	script("slurm-merge.sbatch")
	single(t, bin, "sizing-rule", filepath.Join(dir, "results", "all"))
}

// config is a cluster that is not there: sbatch reads a script's options before
// it looks for one.
const config = `ClusterName=none
SlurmctldHost=localhost(127.0.0.1)
AuthType=auth/none
MessageTimeout=1
TCPTimeout=1
NodeName=localhost CPUs=1
PartitionName=debug Nodes=localhost Default=YES
`

func TestSlurmOptions(t *testing.T) {
	if _, err := exec.LookPath("sbatch"); err != nil {
		if os.Getenv("CI") != "" {
			t.Fatal("sbatch is missing: apt-get install slurm-client")
		}
		t.Skip("SKIPPED: there is no sbatch (Debian package slurm-client) to read the scripts' options")
	}
	dir := t.TempDir()
	conf := filepath.Join(dir, "slurm.conf")
	if err := os.WriteFile(conf, []byte(config), 0o644); err != nil {
		t.Fatal(err)
	}
	sbatch := func(file string) string {
		cmd := exec.Command("sbatch", "--test-only", file)
		cmd.Env = append(os.Environ(), "SLURM_CONF="+conf)
		b, _ := cmd.CombinedOutput()
		return string(b)
	}
	const accepted = "Unable to contact slurm controller"
	for _, f := range []string{"slurm-shards.sbatch", "slurm-merge.sbatch"} {
		if out := sbatch(f); !strings.Contains(out, accepted) || strings.Contains(out, "option") || strings.Contains(out, "Invalid") {
			t.Errorf("%s: %s", f, out)
		}
	}
	bad := filepath.Join(dir, "bad.sbatch")
	text := bytes.Replace(read(t, "slurm-shards.sbatch"), []byte("#SBATCH --array"), []byte("#SBATCH --arrays-of"), 1)
	if err := os.WriteFile(bad, text, 0o644); err != nil {
		t.Fatal(err)
	}
	if out := sbatch(bad); strings.Contains(out, accepted) {
		t.Errorf("an option that does not exist is not noticed: %s", out)
	}
}
