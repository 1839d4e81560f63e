// Translates numbers from words to digits and back with an encoder-decoder: a translation that can be checked exactly.
#include <algorithm>
#include <cmath>
#include <set>

#include "common/keeping.h"
#include "common/program.h"

#include <fmt/ranges.h>
#include <reel/models/cells/cell_kinds.h>
#include <reel/models/generation/encoder_decoder.h>
#include <reel/models/generation/writer.h>

#include <reel/data/sequence_batch.h>
#include <reel/data/words.h>
#include <reel/reel.h>

using namespace reel;

namespace {

struct Settings {
  std::string direction = "both", cell = "lstm";
  std::vector<std::string> translate;
  Index pairs = 20000, test = 2000, units = 128, batch = 64, iterations = 8000, beam = 1;
  double lr = 4e-3;
  program::Common common;
  program::Keeping keeping;
};

// ---- numbers ----

constexpr Index kLargest = 999'999;

// 0 .. 999 without "zero".
void spell_hundreds(Index n, std::vector<std::string>& words) {
  static const char* const kSmall[] = {"",         "one",     "two",     "three",     "four",     "five",    "six",
                                       "seven",    "eight",   "nine",    "ten",       "eleven",   "twelve",  "thirteen",
                                       "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen"};
  static const char* const kTens[] = {"", "", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"};
  if (n >= 100) words.emplace_back(kSmall[n / 100]), words.emplace_back("hundred");
  n %= 100;
  if (n >= 20) words.emplace_back(kTens[n / 10]), n %= 10;
  if (n > 0) words.emplace_back(kSmall[n]);
}

std::vector<std::string> spell(Index n) {
  if (n == 0) return {"zero"};
  std::vector<std::string> words;
  if (n >= 1000) spell_hundreds(n / 1000, words), words.emplace_back("thousand");
  spell_hundreds(n % 1000, words);
  return words;
}

std::vector<std::string> digits(Index n) {
  std::vector<std::string> symbols;
  for (char c : fmt::format("{}", n)) symbols.emplace_back(1, c);
  return symbols;
}

// Numbers of all lengths: half of them uniform, half with a uniform logarithm.
Index draw_number(RandomStream& random) {
  if (random.below(2) == 0) return random.below(kLargest + 1);
  return static_cast<Index>(std::exp(random.uniform() * std::log(kLargest + 1.0))) - (random.below(50) == 0 ? 1 : 0);
}

// ---- one direction ----

using Spelling = std::vector<std::string> (*)(Index);
using Ids = std::vector<std::int32_t>;

class Translator {
 public:
  // `key`: its name in files and options, such as "to-digits".
  Translator(const Settings& s, std::string name, std::string key, Spelling from, Spelling to)
      : s_(s),
        name_(std::move(name)),
        key_(std::move(key)),
        from_(from),
        to_(to),
        source_(vocabulary(from, false)),
        target_(vocabulary(to, true)) {
    for (Index n : {Index{777'777}, Index{373'373}, kLargest})
      longest_source_ = std::max(longest_source_, static_cast<Index>(from_(n).size())),
      longest_target_ = std::max(longest_target_, static_cast<Index>(to_(n).size()) + 1);
    model_.emplace(
        params_, "translator",
        EncoderDecoderOptions{.source_words = source_.size(), .target_words = target_.size(), .units = s.units, .cell = s.cell});
  }

  // Held-out numbers are translated now and then when there is a page.
  void train(const std::vector<Index>& numbers, const std::vector<Index>& held_out, report::Page& page) {
    Trainer<float> trainer([this](Tape& tape, Index) { return loss(tape); }, params_, Adam{.lr = s_.lr}, ClipNorm{1},
                           {.seed = s_.common.seed,
                            .threads = s_.common.make_threads(),
                            .schedule = program::rise_and_fall(s_.iterations, 100),
                            .products = s_.common.products,
                            .sharding = s_.common.sharding});
    if (trained_) trainer.parameters() = *trained_;  // of a file
    values_ = &trainer.parameters();
    make_writer();
    report::LineChart losses{.title = name_ + ": loss", .x_label = "iteration", .y_label = "nats per symbol", .log_y = true};
    report::LineChart shares{.title = name_ + ": exact", .x_label = "iteration", .y_label = "% of held-out numbers"};
    losses.curves = {{.name = "training"}};
    shares.curves = {{.name = "held out"}};
    Run run{s_.common.random(1), losses.curves, shares.curves};
    const program::Keeping keeping = s_.direction == "both" ? s_.keeping.part(key_, s_.common.sharding.group) : s_.keeping;
    program::Checkpoints checkpoints(trainer, keeping, [&](Keeper& keep) { run.keep(keep); });
    checkpoints.resume();
    const Index start = trainer.updates();
    const std::vector<Index> some(held_out.begin(),
                                  held_out.begin() + static_cast<std::ptrdiff_t>(std::min<std::size_t>(held_out.size(), 500)));
    program::Progress progress(s_.iterations - start);
    const program::RankTimes ranks(s_.common.sharding.group);
    program::SmoothedLoss& smooth = run.smooth;
    for (Index i = start + 1; i <= s_.iterations && !program::interrupted(); ++i) {
      std::vector<Index> chosen;
      for (Index k = 0; k < s_.batch; ++k)
        chosen.push_back(numbers[static_cast<std::size_t>(run.random.below(static_cast<Index>(numbers.size())))]);
      const Batch b = own_rows(trainer.rows(), batch(chosen));
      const double l = trainer.step({{"source", b.source.ids},
                                     {"counts", b.source.counts},
                                     {"before", b.before.ids},
                                     {"after", b.after.ids},
                                     {"weights", b.after.mask}});
      smooth.add(l);
      losses.curves[0].points.push_back({static_cast<double>(i), smooth.value()});
      if (s_.common.reports && i % std::max<Index>(s_.iterations / 10, 1) == 0) {
        const double share = 100.0 * static_cast<double>(count_exact(some)) / static_cast<double>(some.size());
        shares.curves[0].points.push_back({static_cast<double>(i), share});
        page.set(name_ + " loss", losses);
        page.set(name_ + " exact", shares);
        page.write_now_and_then();
      }
      checkpoints.update();
      progress.update(i - start, [&] {
        return fmt::format("{}  {:>6}/{}  loss {:.4f} nats per symbol", name_, i, s_.iterations, smooth.value());
      });
    }
    progress.finish(page, name_);
    ranks.tell(progress.seconds(), trainer.updates() - start, page);
    checkpoints.finish();
    trained_.emplace(trainer.parameters());
    values_ = &*trained_;
    make_writer();
  }

  // What another run learnt.
  void load(const SafetensorsFile& file) {
    trained_.emplace(params_.initial<float>(s_.common.seed));
    load_model(file, params_, *trained_, {.prefix = key_ + "."});
    values_ = &*trained_;
    make_writer();
  }
  bool knows() const { return trained_.has_value(); }
  // Of what was learnt or loaded, if anything was.
  void add_to(std::vector<TensorToStore>& tensors) const {
    if (!trained_) return;
    for (const Parameter& p : params_.all()) tensors.emplace_back(fmt::format("{}.{}", key_, p.name()), (*trained_)[p]);
  }

  // The translation of each number's source.
  std::vector<Written> translate(const std::vector<Index>& numbers) {
    std::vector<Ids> sources;
    for (Index n : numbers) sources.push_back(source_.encode(from_(n)));
    return translate(sources);
  }
  std::vector<Written> translate(const std::vector<Ids>& sources) {
    const SequenceBatch batch = sequence_batch(sources, longest_source_);
    encoding_->run({{"source", batch.ids}, {"counts", batch.counts}});
    const HostState state = host_state(*encoding_, encoded_);
    const WriteLimits limits{.start = 0, .end = 1, .most = 2 * longest_target_};
    const std::vector<Written> written = s_.beam > 1 ? writer_->beam(state, limits, s_.beam) : writer_->greedy(state, limits);
    std::vector<Written> in_order(written.size());
    for (std::size_t r = 0; r < written.size(); ++r) in_order[static_cast<std::size_t>(batch.order[r])] = written[r];
    return in_order;
  }

  // The translation of a number in the source's words or digits. InputError for anything else.
  std::string translate(const std::string& text) { return this->text(translate(std::vector<Ids>{check(text)})[0]); }
  Ids check(const std::string& text) const {
    std::vector<std::string> symbols = split_words(text);
    if (from_ == digits) {
      symbols.clear();
      for (char c : text) symbols.emplace_back(1, c);
    }
    if (symbols.empty() || static_cast<Index>(symbols.size()) > longest_source_)
      throw InputError(fmt::format("\"{}\": a number has 1 to {} {}, not {}", text, longest_source_,
                                   from_ == digits ? "digits" : "words", symbols.size()));
    return source_.encode(symbols);
  }

  // How many are translated without any mistake, by groups of at most 500.
  Index count_exact(const std::vector<Index>& numbers, std::vector<Index>* mistakes = nullptr) {
    Index exact = 0;
    for (std::size_t first = 0; first < numbers.size(); first += 500) {
      const std::vector<Index> group(numbers.begin() + static_cast<std::ptrdiff_t>(first),
                                     numbers.begin() + static_cast<std::ptrdiff_t>(std::min(first + 500, numbers.size())));
      const std::vector<Written> written = translate(group);
      for (std::size_t i = 0; i < group.size(); ++i) {
        const bool right = written[i].ended && written[i].ids == target_.encode(to_(group[i]));
        exact += right;
        if (!right && mistakes) mistakes->push_back(group[i]);
      }
    }
    return exact;
  }

  std::string show(Index number) {
    return fmt::format("{} -> {}", join(from_(number)), text(translate(std::vector<Index>{number})[0]));
  }
  std::string right(Index number) const { return join(to_(number)); }  // what it should say
  std::string text(const Written& w) const { return target_.decode(w.ids, between(to_)); }
  const ParameterSet& params() const { return params_; }
  const std::string& name() const { return name_; }
  const WordVocabulary& source() const { return source_; }

 private:
  struct Batch {
    SequenceBatch source, before, after;
  };
  // What goes on from update to update, besides the Trainer.
  struct Run {
    RandomStream random;
    std::vector<report::Curve>&losses, &shares;
    program::SmoothedLoss smooth = {};
    void keep(Keeper& keep) {
      keep("random", random);
      keep("loss", smooth);
      program::KeptPoints loss{losses}, share{shares};
      keep("losses", loss);
      keep("shares", share);
    }
  };

  static std::string_view between(Spelling s) { return s == digits ? "" : " "; }
  std::string join(const std::vector<std::string>& words) const { return fmt::format("{}", fmt::join(words, between(from_))); }

  static WordVocabulary vocabulary(Spelling spelling, bool target) {
    WordVocabulary words;
    if (target) words.add("<start>"), words.add("<end>");
    for (Index n = 0; n < 2000; ++n)
      for (const std::string& w : spelling(n)) words.add(w);
    return words;
  }

  Batch batch(const std::vector<Index>& numbers) const {
    std::vector<Ids> source, before, after;
    for (Index n : numbers) {
      source.push_back(source_.encode(from_(n)));
      after.push_back(target_.encode(to_(n)));
      before.push_back(after.back());
      before.back().insert(before.back().begin(), 0);
      after.back().push_back(1);
    }
    Batch b{sequence_batch(source, longest_source_), {}, {}};
    b.before = sequence_batch_in_order(before, b.source.order, longest_target_);
    b.after = sequence_batch_in_order(after, b.source.order, longest_target_);
    return b;
  }

  static Batch own_rows(const DealtRows& rows, const Batch& b) {
    return {reel::own_rows(rows, b.source), reel::own_rows(rows, b.before), reel::own_rows(rows, b.after)};
  }

  AnyCell::State encode(Tape& tape) const {
    const Sequence source = tape.ids("source", longest_source_, {B});
    return model_->encode(source, Lengths::packed(tape.row_counts("counts", longest_source_)));
  }
  Var loss(Tape& tape) const {
    const Sequence before = tape.ids("before", longest_target_, {B}), after = tape.ids("after", longest_target_, {B});
    const Sequence weights = tape.input("weights", longest_target_, {B});
    return cross_entropy(model_->decoder().logits(before, encode(tape)), after, weights);
  }

  void make_writer() {
    Tape tape;
    encoded_ = encode(tape);
    encoding_.emplace(encoded_.vars, values_,
                      SessionOptions{.threads = s_.common.make_threads(), .compile = {.products = s_.common.products}});
    writer_.emplace(model_->decoder(), *values_, s_.common.make_threads());
  }

  const Settings& s_;
  std::string name_, key_;
  Spelling from_, to_;
  WordVocabulary source_, target_;
  Index longest_source_ = 1, longest_target_ = 1;
  ParameterSet params_;
  std::optional<EncoderDecoder> model_;
  const ParameterValues<float>* values_ = nullptr;  // of the training that goes on, then of the one that was
  std::optional<ParameterValues<float>> trained_;
  AnyCell::State encoded_;
  std::optional<Session<float>> encoding_;
  std::optional<Writer> writer_;
};

// ---- what the program does ----

struct Numbers {
  std::vector<Index> train, test;
};

bool in_digits(const std::string& text) { return text.find_first_not_of("0123456789") == std::string::npos; }

// All drawn alike, then parted at random, so that short numbers are neither all learnt nor all held out.
Numbers draw_numbers(const Settings& s) {
  RandomStream random = s.common.random(0);
  std::set<Index> seen;
  std::vector<Index> all;
  while (static_cast<Index>(all.size()) < s.pairs + s.test)
    if (const Index number = draw_number(random); seen.insert(number).second) all.push_back(number);
  shuffle(all, random);
  return {{all.begin() + s.test, all.end()}, {all.begin(), all.begin() + s.test}};
}

// ---- what is kept ----

void save(const Settings& s, const Translator& to_digits, const Translator& to_words) {
  SaveOptions options;
  to_digits.add_to(options.more);
  to_words.add_to(options.more);
  Record told;
  const bool both = to_digits.knows() && to_words.knows();  // a run that is stopped may have learnt one alone
  told.set("program", "seq2seq")
      .set("direction", both                ? "both"
                        : to_digits.knows() ? "to-digits"
                                            : "to-words")
      .set("cell", s.cell)
      .set("units", s.units);
  save_model(s.keeping.save, ParameterSet(), ParameterValues<float>(), told, options);
}

void take_description(const SafetensorsFile& file, Settings& s) {
  const Record r = program::load_description(file, "seq2seq");
  s.cell = r.text("cell");
  s.units = r.count("units");
  const std::string& has = r.text("direction");
  if (has != "both" && has != s.direction) {
    if (s.direction != "both") throw InputError(fmt::format("{}: has learnt {}, not {}", file.path(), has, s.direction));
    s.direction = has;
  }
}

void learn(const Settings& s, Translator& translator, const Numbers& numbers, report::Page& page) {
  page.setting(fmt::format("parameters, {}", translator.name()), fmt::format("{}", translator.params().elements()));
  fmt::print("{}: {} pairs to learn, {} held out, {} parameters\n", translator.name(), numbers.train.size(), numbers.test.size(),
             translator.params().elements());
  if (s.iterations > 0) translator.train(numbers.train, numbers.test, page);
  if (program::interrupted()) return;
  std::vector<Index> mistakes;
  const Index exact = translator.count_exact(numbers.test, &mistakes);
  fmt::print("{}: {:.2f}% of {} held-out numbers exact\n", translator.name(),
             100.0 * static_cast<double>(exact) / static_cast<double>(s.test), s.test);
  page.result(translator.name() + ": held-out numbers exact",
              fmt::format("{:.2f}%", 100.0 * static_cast<double>(exact) / static_cast<double>(s.test)));
  report::Table table{.title = translator.name() + ": held-out numbers", .header = {"translation", "", "right is"}};
  const auto tell = [&](const char* mark, Index number) {
    const std::string line = translator.show(number);
    const bool wrong = std::ranges::find(mistakes, number) != mistakes.end();
    const std::string right = wrong ? translator.right(number) : std::string();
    fmt::print("  {}: {}{}\n", mark, line, wrong ? fmt::format("   (right: {})", right) : "");
    table.rows.push_back({line, mark, right});
  };
  for (std::size_t i = 0; i < std::min<std::size_t>(mistakes.size(), 5); ++i) tell("wrong", mistakes[i]);
  int shown = 0;
  for (std::size_t i = 0; i < numbers.test.size() && shown < 5; ++i)
    if (std::ranges::find(mistakes, numbers.test[i]) == mistakes.end()) tell("right", numbers.test[i]), ++shown;
  table.caption = fmt::format("{} of {} are exact.", exact, numbers.test.size());
  page.set(translator.name() + " table", table);
}

}  // namespace

int main(int argc, char** argv) {
  Settings s;
  CLI::App app("Translates numbers from words to digits and back with an encoder-decoder.", "seq2seq");
  app.add_option("--direction", s.direction, "What to learn")
      ->check(CLI::IsMember({"to-digits", "to-words", "both"}))
      ->capture_default_str();
  app.add_option("--cell", s.cell, "Cell of encoder and decoder")->check(CLI::IsMember(cell_names()))->capture_default_str();
  app.add_option("--translate", s.translate, "Numbers to translate at the end, in words or in digits");
  app.add_option("--pairs", s.pairs, "Training pairs")->check(CLI::Range(1, 500000))->capture_default_str();
  app.add_option("--test", s.test, "Held-out numbers")->check(CLI::Range(1, 100000))->capture_default_str();
  app.add_option("--units", s.units, "Units of the cells")->check(CLI::Range(1, 4096))->capture_default_str();
  app.add_option("--batch", s.batch, "Pairs per training step")->check(CLI::Range(1, 65536))->capture_default_str();
  app.add_option("--iterations", s.iterations, "Training steps of each direction")
      ->check(CLI::Range(Index{0}, Index{1} << 40))
      ->capture_default_str();
  app.add_option("--beam", s.beam, "Beginnings kept by beam search; 1 writes greedily")
      ->check(CLI::Range(1, 1000))
      ->capture_default_str();
  app.add_option("--lr", s.lr, "Adam's largest learning rate")->check(program::at_least(0))->capture_default_str();
  program::add_common(app, s.common);
  program::add_precision(app, s.common);
  program::add_shards(app, s.common);
  program::add_keeping(app, s.keeping);
  for (const char* option : {"--cell", "--units"}) app.get_option(option)->excludes(app.get_option("--load"));
  return program::run(app, argc, argv, s.common, [&] {
    const std::optional<SafetensorsFile> file = program::open(s.keeping, s.common.writes());
    if (file) take_description(*file, s);
    program::require_work(s.keeping, s.iterations, "iterations");
    const Numbers numbers = draw_numbers(s);
    Translator to_digits(s, "words to digits", "to-digits", spell, digits),
        to_words(s, "digits to words", "to-words", digits, spell);
    for (const std::string& text : s.translate) {  // before any work
      (in_digits(text) ? to_words : to_digits).check(text);
      if (s.direction == (in_digits(text) ? "to-digits" : "to-words"))
        throw InputError(fmt::format("\"{}\": cannot be translated when only {} is learnt", text, s.direction));
    }
    auto page = program::make_page(app, s.common, "Numbers in words and digits", "An encoder-decoder translates");
    if (file && s.direction != "to-words") to_digits.load(*file);
    if (file && s.direction != "to-digits") to_words.load(*file);
    if (s.direction != "to-words") learn(s, to_digits, numbers, page);
    if (s.direction != "to-digits" && !program::interrupted()) learn(s, to_words, numbers, page);
    if (!s.keeping.save.empty() && s.common.writes()) save(s, to_digits, to_words);
    report::Table asked{.title = "Asked for", .header = {"number", "translation"}};
    for (const std::string& text : s.translate) {
      if (program::interrupted()) break;
      asked.rows.push_back({text, (in_digits(text) ? to_words : to_digits).translate(text)});
      fmt::print("{} -> {}\n", text, asked.rows.back()[1]);
    }
    if (!asked.rows.empty()) page.set("asked", asked);
    page.finish();
  });
}
