#!/usr/bin/python3 -S
"""The crash programme: a random load, kill -9, and an oracle outside the store.

    crash.py PROGRAMS WORK [--cycles N] [--seed N] [--points] [--point NAME]... [--power LIBRARY]
             [--verbose]

PROGRAMS is the folder with the djd, djw and djfs of tests/crash, WORK an empty one; `dj` is taken
from PATH. --points makes one cycle for each kill point instead of N at random, --point for these.
--power: each cycle the power fails: all processes end at one moment, and the files of the store are
cut to what was synced of them, or to some length between that and what they had; LIBRARY is made
of tests/tools/synced.c.

Every cycle: threads read, delete, force, invalidate and redefine; one process, or two, are ended by
SIGKILL, at a random moment or at a kill point; what a supervisor would start again is started
again; the threads stop, the daemon comes to rest, and everything is compared with what the threads
know. They know a result only after its reader had it, and every execution writes a line of its own
into a file, with a number that no other has and that is part of its result: so a result that was
computed again is never taken for one that was kept.

A cycle in which nothing was in flight at the moment of the kill fails.
"""
import argparse, os, random, signal, sys, time

sys.dont_write_bytecode = True
from checks import Checks
from load import Load
from world import LIMIT, Wrong, World, now, until

# What has to be ended or asked for before a point can be reached.
AFTER = {
    'djd-orphan-removed': 'djd-content-adopted',
    'djd-runs-adopted': 'djd',
    'djd-numbers-reserved': 'djd',
    'djd-lost-written': 'reaper',
    'djw-slot-adopted': 'djw',
}
LENIENT = ('task', 'djfs', 'host', 'power')   # an error is right when these are ended


class Programme:
    def __init__(self, args):
        self.args = args
        self.random = random.Random(args.seed)
        self.world = World(args)
        self.load = Load(self.world, args.seed)
        self.checks = Checks(self.world, self.load)
        self.hits = {}
        self.missed = 0
        self.armed = None   # the point for which the trap is set already

    def await_hit(self, point):
        end = time.monotonic() + LIMIT
        again = time.monotonic() + LIMIT / 10
        while time.monotonic() < end:
            hit = self.world.trap.hit()
            if hit is not None:
                self.hits[point] = self.hits.get(point, 0) + 1
                self.world.await_end(hit[0])
                return hit[1]
            self.world.supervise()
            # the one that was ended may have been through with its run, or had none
            if AFTER.get(point) in self.world_names() and time.monotonic() > again:
                self.kill(AFTER[point])
                again = time.monotonic() + LIMIT / 10
            time.sleep(0.002)
        raise Wrong('nobody came by %s' % point)

    def cut_power(self):
        """At a random moment; the moment."""
        end = time.monotonic() + LIMIT
        time.sleep(self.random.uniform(0.02, 0.4))
        while not self.load.in_flight(now()):
            if time.monotonic() > end:
                raise Wrong('nothing is in flight')
            self.world.supervise()
            time.sleep(0.001)
        when = now()
        self.world.cut_power(self.random)
        return when

    def kill(self, victim):
        """At a random moment at which there is one; the moment."""
        if victim == 'power':
            return self.cut_power()
        end = time.monotonic() + LIMIT
        time.sleep(self.random.uniform(0.005, 0.15))
        while time.monotonic() < end:
            self.world.supervise()
            found = self.world.processes.find(victim)
            if found and self.load.in_flight(now()):
                when, pid = now(), self.random.choice(found)
                try:
                    os.kill(pid, signal.SIGKILL)
                    self.world.await_end(pid)
                    return when
                except ProcessLookupError:
                    pass
            time.sleep(0.001)
        raise Wrong('there is no %s' % victim)

    def await_point(self, point):
        """One that was drawn may be where nobody comes by for a while: then a random moment will do."""
        try:
            return self.await_hit(point)
        except Wrong:
            if self.args.points or self.args.point or not self.world.trap.disarm():
                raise
        victim = point.split('-')[0]
        self.missed += 1
        return self.kill(victim if victim in self.world_names() else 'djw')

    def strike(self, what, count, then):
        """Ends a process, by its name or at a kill point; checks that something was in flight."""
        self.load.lenient |= what.split('-')[0] in LENIENT
        if '-' in what:
            if self.armed != what:
                self.world.trap.arm(what, count)
            self.armed = None
            when = self.await_point(what)
        elif then is not None and '-' in then[0]:
            # before, since who is started instead may come by at once
            self.load.lenient |= then[0].split('-')[0] in LENIENT
            self.world.trap.arm(*then)
            self.armed = then[0]
            when = self.kill(what)
        else:
            when = self.kill(what)
        flying = self.load.in_flight(when)
        if not flying:
            raise Wrong('nothing was in flight when %s was ended' % what)
        return flying

    def recover(self):
        end = time.monotonic() + self.random.uniform(0.05, 0.25)
        while time.monotonic() < end:
            self.world.supervise()
            time.sleep(0.005)

    def cycle(self, strikes, full):
        self.load.start()
        flying = 0
        try:
            for i, (what, count) in enumerate(strikes):
                then = strikes[i + 1] if i + 1 < len(strikes) else None
                flying += len(self.strike(what, count, then))
            self.recover()
        finally:
            self.world.trap.disarm()
            self.armed = None
            self.load.stopping.set()
        until('recovery', self.not_back)
        self.load.stop()
        self.checks.all(full)
        return flying

    @staticmethod
    def world_names():
        return ('djd', 'djw', 'djfs', 'reaper', 'task', 'host')

    def not_back(self):
        self.world.supervise()
        try:
            self.world.status()
        except OSError as error:
            return str(error)
        return None if self.world.processes.find('djw') else 'no worker'

    def plans(self):
        with open(os.path.dirname(os.path.abspath(__file__)) + '/points') as file:
            points = file.read().split()
        if self.args.points or self.args.point:
            points = self.args.point or points
            self.random.shuffle(points)
            # two in a cycle, since a cycle is mostly checks
            for i in range(0, len(points), 2):
                plan = []
                for point in points[i:i + 2]:
                    plan += [(each, 1) for each in (AFTER.get(point), point) if each is not None]
                yield plan
            return
        for _ in range(self.args.cycles):
            plan = []
            if self.args.power:
                # also behind a start that was one after a kill
                if self.random.random() < 0.3:
                    plan.append((self.random.choice(['djd', 'djw']), 1))
                yield plan + [('power', 1)]
                continue
            for _ in range(self.random.choice([1, 1, 2])):
                if self.random.random() < 0.5:
                    plan.append((self.random.choice(self.world_names()), 1))
                else:
                    point = self.random.choice([p for p in points if p not in AFTER])
                    plan.append((point, self.random.choice([1, 1, 2, 5])))
            yield plan

    def main(self):
        done = 0
        try:
            self.world.begin()
            for plan in self.plans():
                text = ', then '.join(what if count == 1 else '%s (%d)' % (what, count)
                                      for what, count in plan)
                begin = time.monotonic()
                try:
                    flying = self.cycle(plan, done % 10 == 9)
                except Wrong as problem:
                    print('cycle %d, seed %s: %s: %s' % (done + 1, self.args.seed, text, problem),
                          flush=True)
                    return 1
                done += 1
                if self.args.verbose:
                    print('%4d %s: %d in flight, %.2f s' %
                          (done, text, flying, time.monotonic() - begin), flush=True)
            self.checks.all(True)
        finally:
            self.world.end()
        results = sum(len(key.values) for key in self.load.all_keys())
        print('%d cycles, seed %s: %d executions, %d results held, points missed: %d, hit: %s' %
              (done, self.args.seed, len(self.checks.executions), results, self.missed,
               ' '.join('%s*%d' % item for item in sorted(self.hits.items()))))
        return 0


def main():
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(1))
    parser = argparse.ArgumentParser(description='the crash programme')
    parser.add_argument('programs')
    parser.add_argument('work')
    parser.add_argument('--cycles', type=int, default=20)
    parser.add_argument('--seed', default=str(random.randrange(1 << 32)))
    parser.add_argument('--points', action='store_true')
    parser.add_argument('--point', action='append')
    parser.add_argument('--power')
    parser.add_argument('--verbose', action='store_true')
    sys.exit(Programme(parser.parse_args()).main())


if __name__ == '__main__':
    main()
