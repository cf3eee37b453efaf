# Turns 001-initial.sql, 002-*.sql, ... into one C array, in order.
BEGIN { print "/* Generated from schema/. Do not edit. */"; print "static const char *const schema_sql[] = {" }
FNR == 1 {
        n++
        file = FILENAME
        sub(/.*\//, "", file)
        if (file !~ sprintf("^%03d-", n)) { print FILENAME ": out of sequence" > "/dev/stderr"; exit bad = 1 }
        if (n > 1) print "        ,"
}
{ gsub(/\\/, "\\\\"); gsub(/"/, "\\\""); printf "        \"%s\\n\"\n", $0 }
END { if (bad) exit 1; print "};" }
