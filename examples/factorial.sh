#!/bin/sh
# factorial.sh N: the factorial of N, by way of the one of N-1, which is a run of its own.
set -eu

n=$1
if [ "$n" -lt 0 ] || [ "$n" -gt 20 ]; then
    echo "factorial.sh: $n is not within 0 and 20, where 64 bits end" >&2
    exit 1
fi
if [ "$n" -eq 0 ]; then
    echo 1
    exit
fi

# Reading the result of a run computes it when it is not there yet.
if [ -n "${DJ-}" ]; then
    below=$(cat "$DJ/tasks/factorial/$((n - 1))/result")
else
    below=$(dj get factorial $((n - 1)))
fi
echo $((below * n))
