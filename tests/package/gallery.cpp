// A user's project: a picture file, a caption, and a report, with headers that reel.h does not include.
#include <cstdio>

#include <reel/data/images.h>
#include <reel/data/png.h>
#include <reel/data/word_vectors.h>
#include <reel/models/convolution.h>
#include <reel/models/generation/captioner.h>
#include <reel/models/generation/encoder_decoder.h>
#include <reel/models/generation/writer.h>
#include <reel/models/hopfield.h>
#include <reel/models/sequence_classifier.h>
#include <reel/reel.h>
#include <reel/report/page.h>
using namespace reel;

int main(int count, char** arguments) {
  const std::string directory = count > 1 ? arguments[1] : ".";
  const std::vector<std::uint8_t> pixels(8 * 6 * 3, 51), file = encode_png(8, 6, pixels);
  write_file(directory + "/picture.png", std::string(file.begin(), file.end()));
  const Tensor<float> picture = resized(read_png(directory + "/picture.png"), 3, 4);

  WordVocabulary words;
  for (const char* word : {"<start>", "<end>", "a", "grey", "picture"}) words.add(word);
  ParameterSet set;
  const Captioner captioner(set, "captioner", ImageCnn(set, "cnn", 3, 4, 3, {2}, 4), {.features = 4, .words = words.size()});
  Tape tape;
  const AnyCell::State seen = captioner.see(tape.input("image", {B, 3, 4, 3}));
  const auto values = set.initial<float>(1);
  Session<float> session(seen.vars, &values);
  session.run({{"image", Tensor<float>(Shape{1, 3, 4, 3}, std::span(picture.data(), 36))}});
  const HostState state = host_state(session, seen);
  Writer writer(captioner.decoder(), values);
  const Written text = writer.greedy(state, {.most = 5}).at(0);

  report::Page page(directory + "/gallery.html", "Gallery", words.decode(text.ids));
  page.set("pictures", report::Pictures{.title = "Pictures", .pictures = {{.width = 8, .height = 6, .rgb = pixels}}});
  page.write();
  std::printf("%.3f %s\n", static_cast<double>(picture[0]), words.decode(text.ids).c_str());
  return picture[0] > 0.19f && picture[0] < 0.21f && !text.log_probabilities.empty() ? 0 : 1;
}
