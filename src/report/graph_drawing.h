// A graph in the DOT language, such as dot(tape) of graph/print.h, as a section: drawn by Graphviz where it is installed.
// Threads: any; the child process is waited for.
#pragma once

#include <chrono>
#include <string>

#include <reel/report/section.h>

namespace reel::report {

// Runs Graphviz's `dot`, found on the path. Where it is missing, fails, or takes longer than `patience` (its time grows quickly
// with the number of nodes), the result is the source as a Text, which says why.
Section graph_drawing(std::string title, const std::string& dot, std::string caption = {},
                      std::chrono::milliseconds patience = std::chrono::seconds(20));

}  // namespace reel::report
