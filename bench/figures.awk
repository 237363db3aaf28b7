# figures.awk: rounds to ratios.
#
#     awk -f figures.awk -v bench=NAME -v ours=WHO -v goals='PEER=RATIO;…' -v json=FILE
#
# Reads lines of WHO, round and nanoseconds with tabs between, and takes the ratio of ours to each
# other within each round. Prints a line for people, and one of JSON into the file for programs.
# The exit status is 1 when a goal was missed: the least of our medians may be no more than it.

BEGIN {
    FS = "\t"
    count = split(goals, list, ";")
    for (i = 1; i <= count; i++) {
        at = index(list[i], "=")
        goal[substr(list[i], 1, at - 1)] = substr(list[i], at + 1)
    }
}

NF == 3 {
    if (!($1 in rounds))
        names[++name_count] = $1
    rounds[$1]++
    value[$1, $2] = $3
    if ($2 + 1 > last)
        last = $2 + 1
}

# Sorts into sorted[1…]; gives how many there are.
function sort(who, peer,    i, j, n, x)
{
    n = 0
    for (i = 0; i < last; i++) {
        if (!((who, i) in value) || (peer != "" && !((peer, i) in value)))
            continue
        x = peer == "" ? value[who, i] : value[who, i] / value[peer, i]
        for (j = n++; j > 0 && sorted[j] > x; j--)
            sorted[j + 1] = sorted[j]
        sorted[j + 1] = x
    }
    return n
}

function middle(n)
{
    return n % 2 ? sorted[(n + 1) / 2] : (sorted[n / 2] + sorted[n / 2 + 1]) / 2
}

function unit(ns)
{
    return ns < 1e6 ? sprintf("%.1f us", ns / 1e3) : sprintf("%.2f ms", ns / 1e6)
}

function quoted(text)
{
    gsub(/["\\]/, "\\\\&", text)
    return "\"" text "\""
}

END {
    for (i = 1; i <= name_count; i++) {
        n = sort(names[i], "")
        printf "%-8s %-24s min %10s  median %10s  max %10s\n", bench, names[i], unit(sorted[1]),
            unit(middle(n)), unit(sorted[n])
        printf "{\"bench\":%s,\"who\":%s,\"rounds\":%d,\"ns\":{\"min\":%.0f,\"median\":%.0f,\"max\":%.0f}}\n",
            quoted(bench), quoted(names[i]), n, sorted[1], middle(n), sorted[n] >> json
    }
    for (i = 1; i <= name_count; i++) {
        if (names[i] == ours)
            continue
        n = sort(ours, names[i])
        if (n == 0)
            continue
        printf "%-8s %-24s min %10.3f  median %10.3f  max %10.3f", bench, ours " / " names[i],
            sorted[1], middle(n), sorted[n]
        printf "{\"bench\":%s,\"ours\":%s,\"peer\":%s,\"rounds\":%d,\"ratio\":{\"min\":%.4f,\"median\":%.4f,\"max\":%.4f}",
            quoted(bench), quoted(ours), quoted(names[i]), n, sorted[1], middle(n), sorted[n] >> json
        if (names[i] in goal) {
            reached = middle(n) <= goal[names[i]] + 0
            missed += !reached
            printf "  goal %s: %s", goal[names[i]], reached ? "reached" : "MISSED"
            printf ",\"goal\":%s,\"reached\":%s", goal[names[i]], reached ? "true" : "false" >> json
        }
        print ""
        print "}" >> json
    }
    exit missed != 0
}
