# Launch commands of a real Slurm: a cluster of two nodes on this machine, for this file alone.

load helper/djfs

setup_file()
{
    dj_setup
    slurm_usable || return 0
    start_slurm
    start_daemon --no-mount --workers 4 --resource cores=8
    define_tasks <<TASKS
[srun]
params = n:int
command = sh -c 'echo "\$1 \$SLURM_CPUS_ON_NODE"; echo log >&2; test \$1 != 3 || exit 3' sh {n}
resources = cores=2
launch = command srun -Q -J {task} -c {cores} COMMAND
[batch]
params = n:int
command = sh -c 'echo "\$1 \$SLURM_JOB_NAME"; touch left' sh {n}
launch = command sbatch -J {task} COMMAND
[waits]
params = n:int
command = sh -c 'echo waited \$1' sh {n}
launch = command sbatch --wait COMMAND
[wrap]
command = sh -c 'echo wrapped "\$HOME"'
launch = command sbatch --wrap=COMMAND
[long]
params = n:int
command = sh -c 'echo \$SLURM_JOB_ID > $DJ_TMP/job.\$1; echo \$\$ > $DJ_TMP/pid.\$1; sleep 100' sh {n}
launch = command sbatch COMMAND
[limited]
command = sh -c 'touch $DJ_TMP/limited; sleep 100'
timeout = 1s
launch = command srun -Q -t {time} COMMAND
[refused]
command = true
launch = command srun -Q -p nowhere COMMAND
[held]
params = n:int
command = echo {n}
launch = command sbatch --hold COMMAND
TASKS
}

teardown_file()
{
    dj_teardown
}

setup()
{
    slurm_usable || skip_or_fail "no Slurm, or its daemons cannot run here"
    cd "$DJ_TMP" || return
}

slurm_usable()
{
    PATH=$PATH:/usr/sbin:/sbin
    command -v slurmctld slurmd srun sbatch scancel > /dev/null
}

# Without munge and cgroups, on loopback only: nobody else may use it, and nothing is left of it.
start_slurm()
{
    local host user ports node n=0
    host=$(hostname -s)
    user=$(id -un)
    mkdir -p slurm/state slurm/log slurm/run
    read -ra ports < <(python3 -c '
import socket
open_ones = [socket.socket() for _ in range(3)]
for one in open_ones: one.bind(("127.0.0.1", 0))
print(*[one.getsockname()[1] for one in open_ones])')
    cat > slurm/slurm.conf <<CONF
ClusterName=dj
SlurmctldHost=$host(127.0.0.1)
AuthType=auth/none
CredType=cred/none
SlurmUser=$user
SlurmdUser=$user
SlurmctldPort=${ports[0]}
StateSaveLocation=$DJ_TMP/slurm/state
SlurmdSpoolDir=$DJ_TMP/slurm/state/slurmd.%n
SlurmctldPidFile=$DJ_TMP/slurm/run/slurmctld.pid
SlurmdPidFile=$DJ_TMP/slurm/run/slurmd.%n.pid
SlurmctldLogFile=$DJ_TMP/slurm/log/slurmctld
SlurmdLogFile=$DJ_TMP/slurm/log/slurmd.%n
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
MpiDefault=none
SwitchType=switch/none
ReturnToService=2
InactiveLimit=0
KillWait=2
SlurmdParameters=config_overrides
SchedulerParameters=batch_sched_delay=0,sched_interval=1,sched_min_interval=0
CommunicationParameters=NoInAddrAny,NoCtldInAddrAny
NodeName=n1 NodeHostname=$host NodeAddr=127.0.0.1 Port=${ports[1]} CPUs=4 State=UNKNOWN
NodeName=n2 NodeHostname=$host NodeAddr=127.0.0.1 Port=${ports[2]} CPUs=4 State=UNKNOWN
PartitionName=debug Nodes=n1,n2 Default=YES MaxTime=INFINITE State=UP
CONF
    export SLURM_CONF=$DJ_TMP/slurm/slurm.conf
    slurmctld -D > slurm/log/out.ctl 2>&1 &
    on_exit kill $!
    for node in n1 n2; do
        slurmd -D -N $node > slurm/log/out.$node 2>&1 &
        on_exit kill $!
    done
    wait_until -t 20 eval '[ "$(sinfo -h -o %T 2> /dev/null)" = idle ]'
}

status_is()
{
    [ "$(dj cat "tasks/$1/status")" = "$2" ]
}

meta()
{
    dj cat "tasks/$1/meta" | jq -r "$2"
}

@test "srun: the result, the log, the exit status, and the place's own variables" {
    is "$(dj get srun 1)" "1 2"
    is "$(dj log srun/1)" log
    exits 1 dj get srun 3
    has "$output" "srun/3 failed with exit code 3"
    is "$(meta srun/1 '.launch')" "command srun -Q -J {task} -c {cores} COMMAND"
}

@test "sbatch returns at once: the run ends when its job does" {
    is "$(dj get batch 1)" "1 batch"
    is "$(dj ls tasks/batch/1/files)" left
    has "$(dj log batch/1)" "Submitted batch job"
    is "$(dj get wrap)" "wrapped $HOME"
}

@test "sbatch --wait is not waited for longer than the run" {
    is "$(dj get waits 1)" "waited 1"
}

@test "a job that waits in the queue has not begun, dj cancel takes it back" {
    dj run held 1
    wait_until eval 'dj log held/1 | grep -q Submitted'
    has "$(dj why held/1)" "launched by command sbatch --hold COMMAND, not begun yet"
    scontrol release "$(dj log held/1 | sed 's/.* //')"
    is "$(dj get held 1)" 1
    dj run held 2
    wait_until eval 'dj log held/2 | grep -q Submitted'
    job=$(dj log held/2 | sed 's/.* //')
    dj cancel held/2
    wait_until status_is held/2 cancelled
    # Released now, it finds that nobody wants it.
    scontrol release "$job"
    wait_until eval '[ "$(squeue -h -j $job -o %T 2> /dev/null)" != PENDING ]'
    status_is held/2 cancelled
}

@test "dj cancel ends a job, scancel fails the run" {
    dj run long 1
    wait_until test -s pid.1
    dj cancel long/1
    wait_until -t 20 status_is long/1 cancelled
    not kill -0 "$(cat pid.1)"
    dj run long 2
    wait_until test -s job.2
    scancel "$(cat job.2)"
    wait_until -t 20 status_is long/2 failed
    has "$(dj cat tasks/long/2/error)" "long/2 was ended by signal 15"
}

@test "the task's timeout is the job's, and the run's" {
    exits 124 dj get limited
    has "$output" "limited/_ took longer than its timeout of 1s"
}

@test "what Slurm refuses could not be started, in its own words" {
    exits 1 dj get refused
    has "$output" "could not be started: srun ended with exit status 1 before the command began"
    has "$output" "nvalid partition"
}
