#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include <reel/graph/print.h>
#include <reel/ops/activation.h>
#include <reel/ops/arithmetic.h>
#include <reel/ops/embedding.h>
#include <reel/ops/reduction.h>

#include "network.h"

using namespace reel;
using namespace reel::test;

namespace {

struct Example {
  Tape tape;
  Var x, ids, h, loss, g;
  Example() {
    x = tape.input("x", {B, 2});
    ids = tape.ids("y", {B});
    const auto scope = tape.scope("layer");
    h = tanh(x);
    loss = sum(h * one_hot(ids, 2));
  }
  Interpreter<double> run() const {
    return interpret<double>(tape, {{"x", Tensor<double>({2, 2}, {0.5, 0.25, 0, 1})}, {"y", Tensor<std::int32_t>({2}, {0, 1})}});
  }
};

bool contains(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

}  // namespace

TEST_CASE("print: one line per node with op, inputs, shape and scope") {
  const Example e;
  CHECK(text(e.tape) ==
        "%0 = input(x) : [B, 2]\n"
        "%1 = input(y) : ids [B]\n"
        "%2 = tanh %0 : [B, 2]   # layer\n"
        "%3 = one_hot(V=2) %1 : [B, 2]   # layer\n"
        "%4 = multiply %2 %3 : [B, 2]   # layer\n"
        "%5 = sum_to([B]) %4 : [B]   # layer\n"
        "%6 = batch_sum %5 : []   # layer\n");
}

TEST_CASE("print: values and gradients stand beside their nodes") {
  Example e;
  e.g = gradient(e.loss, e.x);
  const auto run = e.run();
  const std::pair<Var, Var> gradients[] = {{e.x, e.g}};
  const std::string shown =
      text(e.tape, {.values = &run, .gradients = gradients, .end = e.loss.id() + 1, .significant_digits = 3});
  CHECK(contains(shown, "%0 = input(x) : [B, 2] = 0.5 0.25; 0 1 | gradient 0.786 0; 0 0.42\n"));
  CHECK(contains(shown, "%1 = input(y) : ids [B] = 0 1\n"));
  CHECK(contains(shown, "%6 = batch_sum %5 : [] = 1.22   # layer\n"));
  CHECK(!contains(shown, "%7"));
}

TEST_CASE("print: long values are shortened") {
  Tape tape;
  tape.constant(Tensor<double>({5}, {1, 2, 3, 4, 5}));
  const auto run = interpret<double>(tape, {});
  CHECK(contains(text(tape, {.values = &run, .most_elements = 3}), "= 1 2 3 .. 5 in all\n"));
  CHECK(contains(text(tape, {.values = &run}), "= 1 2 3 4 5\n"));
}

TEST_CASE("print: names given to nodes appear in the picture") {
  Example e;
  e.tape.name(e.h, "hidden");
  CHECK(contains(dot(e.tape), "label=\"hidden = tanh\\n[B, 2]\""));
}

TEST_CASE("print: the picture has a node each, an edge per input and a cluster per scope") {
  Example e;
  e.g = gradient(e.loss, e.x);
  const auto run = e.run();
  const std::pair<Var, Var> gradients[] = {{e.x, e.g}};
  const std::string picture =
      dot(e.tape, {.values = &run, .gradients = gradients, .end = e.loss.id() + 1, .significant_digits = 3});
  CHECK(contains(picture, "digraph"));
  CHECK(contains(picture, "label=\"x\\n[B, 2]\\n0.5 0.25; 0 1\\nd: 0.786 0; 0 0.42\""));
  CHECK(contains(picture, "label=\"layer\""));
  CHECK(contains(picture, "n2 -> n4;"));
  CHECK(contains(picture, "n3 -> n4;"));
  CHECK(!contains(picture, "n4 -> n2;"));
  CHECK(!contains(picture, "n7 "));
}

TEST_CASE("print: Graphviz reads the picture, whatever the names") {
  Tape tape;
  const auto scope = tape.scope("a \"quoted\" \\scope");
  const Var x = tape.input("in\"put\\{}<>|", {B, 2});
  tape.name(tanh(x), "h = \"1\"\nsecond line\\");
  const std::string picture = dot(tape);
  CHECK(contains(picture, "in\\\"put\\\\{}<>|"));
  CHECK(contains(picture, "a \\\"quoted\\\" \\\\scope"));
  if (std::system("dot -V >/dev/null 2>&1") != 0) {
    MESSAGE("Graphviz is not installed: its reading of the picture is not checked");
    return;
  }
  const auto path =
      std::filesystem::temp_directory_path() / fmt::format("reel_print_test_{}.dot", static_cast<const void*>(&tape));
  std::ofstream(path) << picture;
  const std::string command = fmt::format("dot -Tsvg {0} -o {0}.svg 2>&1", path.string());
  CHECK(std::system(command.c_str()) == 0);
  std::ifstream svg(path.string() + ".svg");
  const std::string drawn{std::istreambuf_iterator<char>(svg), {}};
  CHECK(contains(drawn, "</svg>"));
  CHECK(contains(drawn, "quoted"));
  std::filesystem::remove(path);
  std::filesystem::remove(path.string() + ".svg");
}
