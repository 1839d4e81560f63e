// What a Trainer does together with other ranks, besides its runs: norms, updated parameters, and whether all have the same
// settings.
#include <algorithm>

#include <fmt/format.h>

#include <reel/graph/error.h>
#include <reel/train/distributed/build.h>
#include <reel/train/distributed/fingerprint.h>
#include <reel/train/trainer.h>

namespace reel {

// By the norms of all pieces of the gradients, wherever they are.
template <class T>
ClippedGradients Trainer<T>::clip_all(const Session<T>& session, std::span<const TensorView<const T>> gradients,
                                      std::span<const Binding> bindings) {
  std::vector<Squares> own = squares<T>(gradients, pieces_);
  if (exchange_) {
    const std::vector<Squares> all = group()->gather(std::span<const Squares>(own));
    own.clear();
    const auto here = static_cast<std::size_t>(pieces_.own), ranks = static_cast<std::size_t>(group()->size());
    for (std::size_t k = 0; k < gradients.size(); ++k)
      for (std::size_t rank = 0; rank < ranks; ++rank)
        for (std::size_t piece = 0; piece < here; ++piece) own.push_back(all[(rank * gradients.size() + k) * here + piece]);
  }
  try {
    return clip_by<T>(clip_, trainable_, own);
  } catch (const NumericError& e) {
    refuse(session, bindings, fmt::format("{}; the parameters were not updated", e.what()));
  }
}

// Every rank's updated pieces, to all.
template <class T>
void Trainer<T>::gather_parameters() {
  const Index ranks = group()->size();
  std::vector<std::vector<T>> numbers(static_cast<std::size_t>(ranks));
  const auto each_piece = [&](const auto& f) {
    for (Index rank = 0; rank < ranks; ++rank) {
      const OwnPieces theirs{pieces_.pieces, rank * pieces_.own, pieces_.own};
      Index at = 0;
      for (const Parameter& p : trainable_) {
        const Index n = p.shape().row_size();
        f(rank, p, theirs.begin(n), theirs.size(n), at);
        at += theirs.size(n);
      }
      numbers[static_cast<std::size_t>(rank)].resize(static_cast<std::size_t>(at));
    }
  };
  each_piece([](Index, const Parameter&, Index, Index, Index) {});  // for the sizes
  std::vector<std::span<std::byte>> parts;
  for (std::vector<T>& n : numbers) parts.push_back(std::as_writable_bytes(std::span(n)));
  each_piece([&](Index rank, const Parameter& p, Index begin, Index n, Index at) {
    if (rank == group()->rank())
      std::copy_n((*values_)[p].data() + begin, n, numbers[static_cast<std::size_t>(rank)].data() + at);
  });
  group()->gather_parts(parts);
  each_piece([&](Index rank, const Parameter& p, Index begin, Index n, Index at) {
    if (rank != group()->rank())
      std::copy_n(numbers[static_cast<std::size_t>(rank)].data() + at, n, values_->edit(p).data() + begin);
  });
}

template <class T>
void Trainer<T>::require_same_everywhere() const {
  if (!exchange_) return;
  if (!options_.sharding.any_build) {
    group()->require_same("instructions, whose numbers may differ in their last bits (Sharding::any_build allows it),",
                          instruction_set());
    group()->require_same("code, whose numbers may differ in their last bits (Sharding::any_build allows it),", build_id());
  }
  const Record told = settings();
  std::string all, parameters;
  for (const std::string& name : told.names()) all += fmt::format("{} {}, ", name, told.text(name));
  for (const Parameter& p : set_.all())
    parameters += fmt::format("{} {}{}, ", p.name(), p.shape().text(),
                              std::ranges::find(trainable_, p) == trainable_.end() ? " frozen" : "");
  group()->require_same("settings", all);
  group()->require_same("parameters", parameters);
}

// 0 where the parameters are as the ranks left them together; else what tells whether they were set to the same.
template <class T>
std::uint64_t Trainer<T>::edits() const {
  return values_->version() == version_ ? 0 : fingerprint(set_, *values_);
}

template std::uint64_t Trainer<float>::edits() const;
template std::uint64_t Trainer<double>::edits() const;
template ClippedGradients Trainer<float>::clip_all(const Session<float>&, std::span<const TensorView<const float>>,
                                                   std::span<const Binding>);
template ClippedGradients Trainer<double>::clip_all(const Session<double>&, std::span<const TensorView<const double>>,
                                                    std::span<const Binding>);
template void Trainer<float>::gather_parameters();
template void Trainer<double>::gather_parameters();
template void Trainer<float>::require_same_everywhere() const;
template void Trainer<double>::require_same_everywhere() const;

}  // namespace reel
