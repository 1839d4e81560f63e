#include <reel/data/png.h>

#include <array>

#include <zlib.h>

#include "support.h"

using namespace reel;
using namespace reel::report;
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

// For the files that are written here: one IDAT, no filter.
Decoded decode(const std::vector<std::uint8_t>& file, std::size_t channels) {
  const std::array<std::uint8_t, 8> signature = {0x89, 'P', 'N', 'G', '\r', '\n', 0x1A, '\n'};
  REQUIRE(file.size() > signature.size());
  CHECK(std::equal(signature.begin(), signature.end(), file.begin()));
  Decoded d{};
  std::vector<std::string> types;
  for (std::size_t at = 8; at < file.size();) {
    const std::size_t length = number_at(file, at);
    REQUIRE(at + 12 + length <= file.size());
    types.emplace_back(file.begin() + static_cast<std::ptrdiff_t>(at + 4), file.begin() + static_cast<std::ptrdiff_t>(at + 8));
    CHECK(number_at(file, at + 8 + length) == crc32(0, file.data() + at + 4, static_cast<uInt>(length + 4)));
    if (types.back() == "IHDR") {
      d.width = number_at(file, at + 8), d.height = number_at(file, at + 12);
      CHECK(file[at + 16] == 8);
      d.colour = file[at + 17];
    }
    if (types.back() == "IDAT") {
      std::vector<std::uint8_t> lines(d.height * (1 + d.width * channels));
      uLongf size = lines.size();
      CHECK(uncompress(lines.data(), &size, file.data() + at + 8, length) == Z_OK);
      CHECK(size == lines.size());
      for (std::size_t i = 0; i < lines.size(); ++i)
        if (i % (1 + d.width * channels) == 0)
          CHECK(lines[i] == 0);
        else
          d.samples.push_back(lines[i]);
    }
    at += 12 + length;
  }
  CHECK(types == std::vector<std::string>{"IHDR", "IDAT", "IEND"});
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
      const Decoded d = decode(channels == 3 ? png(width, height, samples) : png_with_alpha(width, height, samples), channels);
      CHECK(d.width == static_cast<std::size_t>(width));
      CHECK(d.height == static_cast<std::size_t>(height));
      CHECK(d.colour == (channels == 3 ? 2 : 6));
      CHECK(d.samples == samples);
    }
  }
}

TEST_CASE("png: sizes that do not fit are refused with the counts") {
  check_throws<InputError>([] { png(2, 2, some_bytes(11)); }, {"2 x 2", "12", "11"});
  check_throws<InputError>([] { png(0, 2, {}); }, {"0 x 2"});
  check_throws<InputError>([] { png(2, -1, {}); }, {"2 x -1"});
  check_throws<InputError>([] { png(1 << 30, 1 << 30, {}); }, {"1073741824"});
}

TEST_CASE("data_uri: base64 with its padding") {
  const std::string head = "data:image/png;base64,";
  const auto of = [](std::string_view s) { return data_uri(std::vector<std::uint8_t>(s.begin(), s.end())); };
  CHECK(of("") == head);
  CHECK(of("M") == head + "TQ==");
  CHECK(of("Ma") == head + "TWE=");
  CHECK(of("Man") == head + "TWFu");
  CHECK(of("foobar") == head + "Zm9vYmFy");  // of RFC 4648
  CHECK(of("\xFB\xFF\xFE") == head + "+//+");
}
