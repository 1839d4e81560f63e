#include <reel/train/distributed/group_exchange.h>

#include <algorithm>
#include <cstring>
#include <numeric>

#include <fmt/format.h>

#include <reel/graph/bf16.h>
#include <reel/graph/bindings.h>
#include <reel/graph/error.h>
#include <reel/plan/denormals.h>

namespace reel {
namespace {

constexpr Index kStretch = 1024;  // elements of every rank that are added at a time

// How a rank is doing, before a run and after it.
struct Status {
  std::int64_t failed = 0, rows = 0, counts = 0;
  std::uint64_t plan = 0, state = 0;
  char what[16] = {};
};

struct Failure {
  std::uint64_t kind = 0;
  std::string text;
};

// The kinds of error that every rank throws alike.
template <class E>
[[noreturn]] void throw_as(const std::string& text) {
  throw E(text);
}
using Thrower = void (*)(const std::string&);
constexpr Thrower kThrowers[] = {throw_as<Error>,        throw_as<InputError>, throw_as<ShapeError>,
                                 throw_as<NumericError>, throw_as<FileError>,  throw_as<MemoryError>};

Failure failure_of(std::exception_ptr failure) {
  try {
    std::rethrow_exception(failure);
  } catch (const InputError& e) {
    return {1, e.what()};
  } catch (const ShapeError& e) {
    return {2, e.what()};
  } catch (const NumericError& e) {
    return {3, e.what()};
  } catch (const FileError& e) {
    return {4, e.what()};
  } catch (const MemoryError& e) {
    return {5, e.what()};
  } catch (const std::exception& e) {
    return {0, e.what()};
  }
}

template <class T>
void store(std::byte* to, const T* from, Index n, bool bf16) {
  if (!bf16) {
    std::memcpy(to, from, static_cast<std::size_t>(n) * sizeof(T));
    return;
  }
  auto* half = reinterpret_cast<Bf16*>(to);
  for (Index i = 0; i < n; ++i) half[i] = to_bf16(static_cast<float>(from[i]));
}

template <class T>
void load(T* to, const std::byte* from, Index n, bool bf16) {
  if (!bf16) {
    std::memcpy(to, from, static_cast<std::size_t>(n) * sizeof(T));
    return;
  }
  const auto* half = reinterpret_cast<const Bf16*>(from);
  for (Index i = 0; i < n; ++i) to[i] = static_cast<T>(from_bf16(half[i]));
}

// The sum of every rank's n numbers, kStretch apart, as a balanced tree over the ranks, in the first's place.
template <class T>
void add_tree(std::vector<T>& all, Index ranks, Index n, bool rounds) {
  for (Index apart = 1; apart < ranks; apart *= 2)
    for (Index r = 0; r + apart < ranks; r += 2 * apart) {
      T* sum = &all[static_cast<std::size_t>(r * kStretch)];
      const T* other = &all[static_cast<std::size_t>((r + apart) * kStretch)];
      for (Index i = 0; i < n; ++i) sum[i] += other[i];
      for (Index i = 0; i < n && rounds; ++i) sum[i] = static_cast<T>(from_bf16(to_bf16(static_cast<float>(sum[i]))));
    }
}

// Calls f with a number of the element's type.
template <class F>
void with_type(Element element, const F& f) {
  if (element == Element::f32)
    f(float{});
  else
    f(double{});
}

}  // namespace

// What every rank finds alike, and throws.
void GroupExchange::refuse(const std::string& why) {
  settled_ = true;
  throw InputError(why);
}

// Before a run, and after it: every rank's rows; or, where some rank failed, its failure on all.
std::vector<Index> GroupExchange::agree(std::exception_ptr failure, std::uint64_t plan, Index rows, std::size_t counts) {
  Status own{.failed = failure ? 1 : 0, .rows = rows, .counts = static_cast<std::int64_t>(counts), .plan = plan, .state = state_};
  what_.copy(own.what, sizeof own.what - 1);
  const std::vector<Status> all = group_.gather(own);
  const auto failed = std::ranges::find(all, 1, &Status::failed);
  if (failed != all.end()) {
    settled_ = true;
    const Failure told = failure ? failure_of(failure) : Failure{};
    const std::vector<std::uint64_t> kinds = group_.gather(told.kind);
    const std::vector<std::string> texts = group_.gather_texts(told.text);
    const auto rank = static_cast<std::size_t>(failed - all.begin());
    const bool everywhere = std::ranges::all_of(all, [](const Status& s) { return s.failed != 0; });
    const bool same = everywhere && std::ranges::all_of(texts, [&](const std::string& t) { return t == texts[0]; });
    kThrowers[kinds[rank]](same ? texts[0] : fmt::format("rank {}: {}", rank, texts[rank]));
  }
  std::vector<Index> rows_of_all;
  for (std::size_t r = 0; r < all.size(); ++r) {
    const Status &here = all[r], &first = all[0];
    if (std::string_view(here.what) != first.what)
      refuse(fmt::format("rank {} is in {}(), but rank 0 in {}()", r, here.what, first.what));
    if (here.state != first.state)
      refuse(fmt::format("rank {} has other numbers than rank 0: of its parameters, or of a file", r));
    if (here.plan != first.plan || here.counts != first.counts)
      refuse(fmt::format("rank {} runs another plan than rank 0: of other steps, or of another model", r));
    rows_of_all.push_back(here.rows);
  }
  return rows_of_all;
}

BatchRows GroupExchange::begin(std::uint64_t plan, Index rows, std::span<const std::int32_t> counts) {
  const std::vector<Index> all_rows = agree(nullptr, plan, rows, counts.size());
  rows_ = std::accumulate(all_rows.begin(), all_rows.end(), Index{0});
  if (rows_ > kMostRows) refuse(fmt::format("a batch has at most 2^31 - 1 rows, not {}", rows_));
  for (Index r = 0; r < group_.size(); ++r) {
    const DealtRows theirs{dealt_.shards, r * dealt_.own, dealt_.own};
    if (const Index given = all_rows[static_cast<std::size_t>(r)]; given != theirs.among(rows_))
      refuse(fmt::format("rank {} was given {} rows of a batch of {}: row r belongs to shard r mod {}, so that it has {}", r,
                         given, rows_, dealt_.shards, theirs.among(rows_)));
  }
  BatchRows batch{rows_, std::vector<std::int32_t>(counts.size(), 0)};
  if (counts.empty()) return batch;
  const std::vector<std::int32_t> all = group_.gather(counts);
  for (std::size_t i = 0; i < all.size(); ++i) batch.counts[i % counts.size()] += all[i];
  return batch;
}

void GroupExchange::settle(std::exception_ptr failure) {
  if (settled_) std::rethrow_exception(failure);
  agree(failure, 0, 0, 0);
}

void GroupExchange::sum(std::span<const PartialSum> sums) {
  std::size_t total = 0;
  for (const PartialSum& s : sums) total += static_cast<std::size_t>(s.elements) * element_bytes(s.element);
  std::vector<std::byte> own(total);
  std::size_t at = 0;
  for (const PartialSum& s : sums) {
    const std::size_t bytes = static_cast<std::size_t>(s.elements) * element_bytes(s.element);
    if (bytes > 0) std::memcpy(&own[at], s.data, bytes);
    at += bytes;
  }
  const std::vector<std::byte> all = group_.gather(std::span<const std::byte>(own));
  const FlushDenormals flush;
  at = 0;
  for (const PartialSum& s : sums)
    with_type(s.element, [&](auto number) {
      using T = decltype(number);
      std::vector<T> terms(static_cast<std::size_t>(group_.size() * kStretch));
      for (Index begin = 0; begin < s.elements; begin += kStretch) {
        const Index n = std::min(kStretch, s.elements - begin);
        for (Index r = 0; r < group_.size(); ++r)
          load(&terms[static_cast<std::size_t>(r * kStretch)],
               &all[static_cast<std::size_t>(r) * total + at + static_cast<std::size_t>(begin) * sizeof(T)], n, false);
        add_tree(terms, group_.size(), n, false);
        std::copy_n(terms.data(), n, reinterpret_cast<T*>(s.data) + begin);
      }
      at += static_cast<std::size_t>(s.elements) * sizeof(T);
    });
}

void GroupExchange::begin_sum(std::span<const PartialSum> outputs) {
  group_.progress();  // of what was begun before
  if (used_ == pending_.size()) pending_.emplace_back();
  Pending& p = pending_[used_++];
  p.outputs.assign(outputs.begin(), outputs.end());
  const auto ranks = static_cast<std::size_t>(group_.size());
  p.to.resize(ranks), p.from.resize(ranks);
  const Index own = group_.rank();
  for (Index r = 0; r < group_.size(); ++r) {
    if (r == own) continue;
    std::size_t theirs = 0, mine = 0;
    for (const PartialSum& s : outputs) {
      const std::size_t bytes = bf16_ ? sizeof(Bf16) : element_bytes(s.element);
      theirs += bytes * static_cast<std::size_t>(slice_begin(s.elements, r + 1) - slice_begin(s.elements, r));
      mine += bytes * static_cast<std::size_t>(slice_begin(s.elements, own + 1) - slice_begin(s.elements, own));
    }
    std::vector<std::byte>& to = p.to[static_cast<std::size_t>(r)];
    to.resize(theirs);
    p.from[static_cast<std::size_t>(r)].resize(mine);
    std::byte* at = to.data();
    for (const PartialSum& s : outputs)
      with_type(s.element, [&](auto number) {
        using T = decltype(number);
        const Index begin = slice_begin(s.elements, r), n = slice_begin(s.elements, r + 1) - begin;
        store(at, reinterpret_cast<const T*>(s.data) + begin, n, bf16_);
        at += static_cast<std::size_t>(n) * (bf16_ ? sizeof(Bf16) : sizeof(T));
      });
  }
  const std::vector<std::span<const std::byte>> to(p.to.begin(), p.to.end());
  const std::vector<std::span<std::byte>> from(p.from.begin(), p.from.end());
  group_.begin(to, from);
}

template <class T>
void GroupExchange::add(const PartialSum& s, const Pending& p, std::size_t at) {
  const Index first = slice_begin(s.elements, group_.rank()), end = slice_begin(s.elements, group_.rank() + 1);
  const std::size_t bytes = bf16_ ? sizeof(Bf16) : sizeof(T);
  std::vector<T> terms(static_cast<std::size_t>(group_.size() * kStretch));
  for (Index begin = first; begin < end; begin += kStretch) {
    const Index n = std::min(kStretch, end - begin);
    for (Index r = 0; r < group_.size(); ++r) {
      T* term = &terms[static_cast<std::size_t>(r * kStretch)];
      if (r == group_.rank())
        std::copy_n(reinterpret_cast<const T*>(s.data) + begin, n, term);
      else
        load(term, &p.from[static_cast<std::size_t>(r)][at + static_cast<std::size_t>(begin - first) * bytes], n, bf16_);
    }
    add_tree(terms, group_.size(), n, bf16_);
    std::copy_n(terms.data(), n, reinterpret_cast<T*>(s.data) + begin);
  }
}

void GroupExchange::finish_sums() {
  group_.finish();
  const FlushDenormals flush;
  for (std::size_t i = 0; i < used_; ++i) {
    std::size_t at = 0;
    for (const PartialSum& s : pending_[i].outputs)
      with_type(s.element, [&](auto number) {
        using T = decltype(number);
        add<T>(s, pending_[i], at);
        const Index n = slice_begin(s.elements, group_.rank() + 1) - slice_begin(s.elements, group_.rank());
        at += static_cast<std::size_t>(n) * (bf16_ ? sizeof(Bf16) : sizeof(T));
      });
  }
  used_ = 0;
}

std::string GroupExchange::first_text(const std::string& own) {
  const std::vector<std::string> all = group_.gather_texts(own);
  const auto first = std::ranges::find_if(all, [](const std::string& t) { return !t.empty(); });
  return first == all.end() ? "" : fmt::format("rank {}: {}", first - all.begin(), *first);
}

}  // namespace reel
