#include <reel/data/png.h>

#include <array>

#include <zlib.h>

#include "support.h"

using namespace reel;
using namespace reel::test;

namespace {

std::size_t number_at(const std::vector<std::uint8_t>& bytes, std::size_t at) {
  std::size_t n = 0;
  for (std::size_t i = 0; i < 4; ++i) n = n << 8 | bytes.at(at + i);
  return n;
}

struct Decoded {
  std::size_t width, height;
  int colour;
  std::vector<std::uint8_t> samples;
};

// The predictor of a line's filter (PNG specification, 9.2) from what is left, above and above left.
int predicted(int filter, int left, int above, int corner) {
  if (filter == 1) return left;
  if (filter == 2) return above;
  if (filter == 3) return (left + above) / 2;
  if (filter != 4) return 0;
  const int p = left + above - corner, a = std::abs(p - left), b = std::abs(p - above), c = std::abs(p - corner);
  return a <= b && a <= c ? left : b <= c ? above : corner;
}

// A decoder of its own for files of eight bits per channel, not interlaced.
Decoded decode(const std::vector<std::uint8_t>& file, std::size_t channels) {
  const std::array<std::uint8_t, 8> signature = {0x89, 'P', 'N', 'G', '\r', '\n', 0x1A, '\n'};
  REQUIRE(file.size() > signature.size());
  CHECK(std::equal(signature.begin(), signature.end(), file.begin()));
  Decoded d{};
  std::vector<std::uint8_t> packed;
  std::string last;
  for (std::size_t at = 8; at < file.size();) {
    const std::size_t length = number_at(file, at);
    REQUIRE(at + 12 + length <= file.size());
    last.assign(file.begin() + static_cast<std::ptrdiff_t>(at + 4), file.begin() + static_cast<std::ptrdiff_t>(at + 8));
    if (at == 8) CHECK(last == "IHDR");
    CHECK(number_at(file, at + 8 + length) == crc32(0, file.data() + at + 4, static_cast<uInt>(length + 4)));
    const auto data = file.begin() + static_cast<std::ptrdiff_t>(at + 8);
    if (last == "IHDR") {
      d.width = number_at(file, at + 8), d.height = number_at(file, at + 12);
      CHECK(file[at + 16] == 8);
      d.colour = file[at + 17];
      CHECK(file[at + 20] == 0);  // not interlaced
    }
    if (last == "IDAT") packed.insert(packed.end(), data, data + static_cast<std::ptrdiff_t>(length));
    at += 12 + length;
  }
  CHECK(last == "IEND");
  const std::size_t row = d.width * channels;
  std::vector<std::uint8_t> lines(d.height * (1 + row));
  uLongf size = lines.size();
  CHECK(uncompress(lines.data(), &size, packed.data(), packed.size()) == Z_OK);
  CHECK(size == lines.size());
  for (std::size_t y = 0; y < d.height; ++y)
    for (std::size_t x = 0; x < row; ++x) {
      const auto at = [&](bool back, bool up) {
        if ((back && x < channels) || (up && y == 0)) return 0;
        return static_cast<int>(d.samples[(y - (up ? 1 : 0)) * row + x - (back ? channels : 0)]);
      };
      const int filter = lines[y * (1 + row)];
      d.samples.push_back(static_cast<std::uint8_t>(lines[y * (1 + row) + 1 + x] +
                                                    predicted(filter, at(true, false), at(false, true), at(true, true))));
    }
  return d;
}

std::vector<std::uint8_t> some_bytes(std::size_t count) {
  std::vector<std::uint8_t> bytes;
  for (std::size_t i = 0; i < count; ++i) bytes.push_back(static_cast<std::uint8_t>(i * i * 7 + i / 3));
  return bytes;
}

}  // namespace

TEST_CASE("png: decodes to the same pixels") {
  for (const auto& [width, height] : {std::pair{1, 1}, std::pair{3, 2}, std::pair{32, 64}, std::pair{257, 5}}) {
    const auto pixels = static_cast<std::size_t>(width) * static_cast<std::size_t>(height);
    for (std::size_t channels : {3u, 4u}) {
      const auto samples = some_bytes(pixels * channels);
      const Decoded d =
          decode(channels == 3 ? encode_png(width, height, samples) : encode_png_with_alpha(width, height, samples), channels);
      CHECK(d.width == static_cast<std::size_t>(width));
      CHECK(d.height == static_cast<std::size_t>(height));
      CHECK(d.colour == (channels == 3 ? 2 : 6));
      CHECK(d.samples == samples);
    }
  }
}

TEST_CASE("png: sizes that do not fit are refused with the counts") {
  check_throws<InputError>([] { encode_png(2, 2, some_bytes(11)); }, {"2 x 2", "12", "11"});
  check_throws<InputError>([] { encode_png(0, 2, {}); }, {"0 x 2"});
  check_throws<InputError>([] { encode_png(2, -1, {}); }, {"2 x -1"});
  check_throws<InputError>([] { encode_png(1 << 30, 1 << 30, {}); }, {"1073741824"});
}

TEST_CASE("data_uri: base64 with its padding") {
  const std::string head = "data:image/png;base64,";
  const auto of = [](std::string_view s) { return png_data_uri(std::vector<std::uint8_t>(s.begin(), s.end())); };
  CHECK(of("") == head);
  CHECK(of("M") == head + "TQ==");
  CHECK(of("Ma") == head + "TWE=");
  CHECK(of("Man") == head + "TWFu");
  CHECK(of("foobar") == head + "Zm9vYmFy");  // of RFC 4648
  CHECK(of("\xFB\xFF\xFE") == head + "+//+");
}
