#include <reel/models/hierarchical.h>

#include <reel/graph/error.h>

namespace reel {

Hierarchical::Run Hierarchical::operator()(const std::vector<Sequence>& chunks, const std::vector<Lengths>& lengths,
                                           const Lengths& count) const {
  if (chunks.empty()) throw InputError("Hierarchical: there is no chunk");
  if (!lengths.empty() && lengths.size() != chunks.size())
    throw InputError(fmt::format("Hierarchical: {} chunks with the lengths of {}", chunks.size(), lengths.size()));
  Run run;
  for (std::size_t c = 0; c < chunks.size(); ++c) {
    if (chunks[c].empty()) throw InputError(fmt::format("Hierarchical: chunk {} is empty, T = 0", c));
    Tape& tape = chunks[c][0].tape();
    const auto scope = tape.scope(fmt::format("chunk {}", c));
    const auto words = unroll(lower_, chunks[c], zero_state(tape, lower_), lengths.empty() ? Lengths() : lengths[c]);
    run.chunks.push_back(lower_.output(words.last));
  }
  Tape& tape = run.chunks[0].tape();
  const auto scope = tape.scope("chunks");
  run.sequence = unroll(upper_, run.chunks, zero_state(tape, upper_), count);
  return run;
}

}  // namespace reel
