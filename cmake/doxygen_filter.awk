# Comments of the headers as Doxygen reads them: "//" before a declaration becomes "///", after one "///<"; the comment at the top of a
# file is the file's own. What Doxygen would take for markup is escaped.
function plain(text) {
  gsub(/\\/, "\\\\\\\\", text); gsub(/&/, "\\&amp;", text); gsub(/</, "\\&lt;", text); gsub(/>/, "\\&gt;", text)
  gsub(/@/, "\\\\@", text); gsub(/#/, "\\\\#", text); gsub(/%/, "\\\\%", text)
  return text
}
BEGIN { top = 1 }
top && /^\/\/ / { if (!begun) { print "/// @file"; begun = 1 } sub(/^\/\//, ""); print "///" plain($0); next }
top && /^\/\/$/ { print "///"; next }
{ top = 0 }
/^ *\/\/ ----/ { print ""; next }
/^ *\/\// { at = index($0, "//"); print substr($0, 1, at - 1) "///" plain(substr($0, at + 2)); next }
/[^ :\/].*  \/\/ / {
  at = index($0, "  // ")
  comment = substr($0, at + 5)
  sub(/^NOLINT[^ ]* ?/, "", comment)
  print substr($0, 1, at - 1) (comment == "" ? "" : "  ///< " plain(comment))
  next
}
{ print }
