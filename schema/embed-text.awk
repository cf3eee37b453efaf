# Turns a text file into one C string named by -v name=.
BEGIN { print "/* Generated from schema/. Do not edit. */"; print "static const char " name "[] =" }
{ gsub(/\\/, "\\\\"); gsub(/"/, "\\\""); printf "        \"%s\\n\"\n", $0 }
END { print "        ;" }
