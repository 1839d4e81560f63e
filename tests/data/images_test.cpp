#include <reel/data/images.h>

#include <numeric>

#include <reel/data/png.h>
#include <reel/ops/elementary.h>

#include "data/png_files.h"
#include "directory.h"
#include "support.h"

using namespace reel;
using namespace reel::test;

namespace {

// What a file holds, as 0 .. 255.
void check_pixels(const std::string& file, Shape shape, const std::vector<double>& expected) {
  const Directory directory;
  const Tensor<float> image = read_png(directory.write("image.png", file));
  CHECK(image.shape() == shape);
  Tensor<double> bytes = cast<double>(image);
  for (double& x : bytes) x *= 255;
  check_close(bytes, expected, 1e-4);
}

// Each new pixel as the mean of a grid so fine that both images' pixels are whole parts of it.
Tensor<double> resized_by_grid(const Tensor<float>& x, Index height, Index width) {
  const Index H = x.shape().dim(0), W = x.shape().dim(1), C = x.shape().dim(2);
  Tensor<double> y(Shape{height, width, C});
  for (Index i = 0; i < H * height; ++i)
    for (Index j = 0; j < W * width; ++j)
      for (Index c = 0; c < C; ++c)
        y[((i / H) * width + j / W) * C + c] +=
            static_cast<double>(x[((i / height) * W + j / width) * C + c]) / static_cast<double>(H * W);
  return y;
}

}  // namespace

TEST_CASE("read_png: what reports write") {
  std::vector<std::uint8_t> rgb(5 * 3 * 3);
  std::iota(rgb.begin(), rgb.end(), std::uint8_t{100});
  rgb[7] = 255;
  const auto file = encode_png(5, 3, rgb);
  check_pixels({file.begin(), file.end()}, {3, 5, 3}, {rgb.begin(), rgb.end()});
}

TEST_CASE("read_png: grey of 1, 2, 4, 8 and 16 bits becomes equal red, green and blue") {
  check_pixels(png_file({2, 1, 8, 0}, bytes_of({0, 7, 200})), {1, 2, 3}, {7, 7, 7, 200, 200, 200});
  check_pixels(png_file({3, 1, 1, 0}, bytes_of({0, 0b10100000})), {1, 3, 3}, {255, 255, 255, 0, 0, 0, 255, 255, 255});
  check_pixels(png_file({2, 1, 2, 0}, bytes_of({0, 0b01100000})), {1, 2, 3}, {85, 85, 85, 170, 170, 170});
  check_pixels(png_file({2, 1, 4, 0}, bytes_of({0, 0x1F})), {1, 2, 3}, {17, 17, 17, 255, 255, 255});
  check_pixels(png_file({2, 1, 16, 0}, bytes_of({0, 7, 7, 200, 200})), {1, 2, 3}, {7, 7, 7, 200, 200, 200});
}

TEST_CASE("read_png: 16 bits of a colour are the same colours as 8") {
  check_pixels(png_file({2, 1, 16, 2}, bytes_of({0, 10, 10, 128, 128, 250, 250, 0, 0, 64, 64, 255, 255})), {1, 2, 3},
               {10, 128, 250, 0, 64, 255});
}

TEST_CASE("read_png: palettes") {
  const std::string palette = png_chunk("PLTE", bytes_of({1, 2, 3, 250, 251, 252, 9, 8, 7}));
  check_pixels(png_file({2, 2, 8, 3}, bytes_of({0, 2, 0, 0, 1, 2}), palette), {2, 2, 3},
               {9, 8, 7, 1, 2, 3, 250, 251, 252, 9, 8, 7});
  check_pixels(png_file({3, 1, 2, 3}, bytes_of({0, 0b00011000}), palette), {1, 3, 3}, {1, 2, 3, 250, 251, 252, 9, 8, 7});
}

TEST_CASE("read_png: what is transparent is black") {
  check_pixels(png_file({2, 1, 8, 6}, bytes_of({0, 10, 20, 30, 255, 200, 210, 220, 0})), {1, 2, 3}, {10, 20, 30, 0, 0, 0});
  check_pixels(png_file({2, 1, 8, 4}, bytes_of({0, 90, 255, 90, 0})), {1, 2, 3}, {90, 90, 90, 0, 0, 0});
  const std::string before = png_chunk("PLTE", bytes_of({50, 60, 70, 80, 90, 100})) + png_chunk("tRNS", bytes_of({0, 255}));
  check_pixels(png_file({2, 1, 8, 3}, bytes_of({0, 0, 1}), before), {1, 2, 3}, {0, 0, 0, 80, 90, 100});
  const Directory directory;
  const float half = read_png(directory.write("half.png", png_file({1, 1, 8, 4}, bytes_of({0, 200, 128}))))[0] * 255;
  CHECK(half > 50);
  CHECK(half < 200);
}

TEST_CASE("read_png: interlaced files") {
  // 3 x 3 of Adam7: pass 1 has pixel (0, 0); pass 5 (0, 2), (2, 0), (2, 2) by lines 2 apart; pass 6 column 1 of lines 0, 2; pass
  // 7 line 1.
  const std::string lines = bytes_of({0, 1,          // pass 1: (0, 0)
                                      0, 3,          // pass 4: (0, 2)
                                      0, 7, 9,       // pass 5: (2, 0), (2, 2)
                                      0, 2, 0, 8,    // pass 6: (0, 1); (2, 1)
                                      0, 4, 5, 6});  // pass 7: line 1
  std::vector<double> expected;
  for (int v = 1; v <= 9; ++v) expected.insert(expected.end(), 3, v);
  check_pixels(png_file({3, 3, 8, 0, true}, lines), {3, 3, 3}, expected);
}

TEST_CASE("read_png: a gamma other than sRGB's is converted, sRGB's own is not") {
  const auto gamma = [](std::size_t hundred_thousandths) { return png_chunk("gAMA", big_endian(hundred_thousandths)); };
  const std::string pixel = bytes_of({0, 128});
  check_pixels(png_file({1, 1, 8, 0}, pixel, gamma(45455)), {1, 1, 3}, {128, 128, 128});
  check_pixels(png_file({1, 1, 8, 0}, pixel, gamma(100000)), {1, 1, 3}, {186, 186, 186});  // 255 (128/255)^(1/2.2)
}

TEST_CASE("read_png: every file cut short is refused by name") {
  const Directory directory;
  const std::string whole = png_file({4, 3, 8, 2}, std::string(3 * 13, '\0'), png_chunk("tEXt", "Comment"));
  const std::size_t pixels_end = whole.size() - 12;  // IEND says nothing about the picture
  const std::string path = directory.write("whole.png", whole);
  CHECK(read_png(path).shape() == Shape{3, 4, 3});
  for (std::size_t n = 0; n < pixels_end - 8; ++n) {
    CAPTURE(n);
    const std::string cut = directory.write("cut.png", whole.substr(0, n));
    check_throws<FileError>([&] { read_png(cut); }, {cut.c_str(), "PNG"});
  }
}

TEST_CASE("read_png: files with any byte damaged are read or refused") {
  const Directory directory;
  const std::string palette = png_chunk("PLTE", bytes_of({1, 2, 3, 250, 251, 252}));
  const std::string whole = png_file({3, 2, 8, 3}, bytes_of({0, 0, 1, 0, 0, 1, 1, 0}), palette);
  int refused = 0;
  for (std::size_t at = 0; at < whole.size(); ++at)
    for (const int flip : {1, 0x80, 0xFF}) {
      std::string damaged = whole;
      damaged[at] = static_cast<char>(damaged[at] ^ flip);
      try {
        const Shape shape = read_png(directory.write("damaged.png", damaged)).shape();
        CHECK(shape == Shape{2, 3, 3});
      } catch (const FileError& e) {
        CHECK(std::string(e.what()).find("damaged.png") != std::string::npos);
        ++refused;
      }
    }
  CHECK(refused > 150);
}

TEST_CASE("read_png: what is no PNG is refused with its name and the reason") {
  const Directory directory;
  struct Row {
    std::string name, bytes;
    const char* says;
  };
  const Row rows[] = {
      {"empty.png", "", "empty"},
      {"text.png", "hello, this is a text and no picture", "PNG"},
      {"gif.png", "GIF89a" + std::string(20, '\0'), "PNG"},
      {"huge.png", png_file({60000, 60000, 8, 2}, bytes_of({0, 1, 2, 3})), "60000 x 60000"},
      {"large.png", png_file({20000, 20000, 8, 0}, bytes_of({0, 1})), "20000 x 20000"},
      {"no_width.png", png_file({0, 1, 8, 0}, bytes_of({0})), "PNG"},
      {"few_lines.png", png_file({2, 9, 8, 0}, bytes_of({0, 1, 2})), "PNG"},
      {"no_palette.png", png_file({2, 1, 8, 3}, bytes_of({0, 0, 1})), "PNG"},
  };
  for (const Row& row : rows) {
    const std::string path = directory.write(row.name, row.bytes);
    check_throws<FileError>([&] { read_png(path); }, {path.c_str(), row.says});
  }
  check_throws<FileError>([&] { read_png(directory / "none.png"); }, {"none.png", "No such file"});
  check_throws<FileError>([&] { read_png(directory.path()); }, {"directory"});
}

TEST_CASE("resized: means of areas, down, up and neither") {
  const Tensor<float> square(Shape{4, 4, 1}, {1, 3, 5, 7, 1, 3, 5, 7, 2, 2, 4, 4, 2, 2, 4, 4});
  check_close(resized(square, 2, 2), {2, 6, 2, 4}, 1e-6);
  check_close(resized(square, 1, 1), {3.5}, 1e-6);
  check_close(resized(Tensor<float>(Shape{1, 3, 1}, {1, 2, 6}), 1, 2), {4.0 / 3, 14.0 / 3}, 1e-6);
  check_close(resized(Tensor<float>(Shape{1, 2, 2}, {1, 10, 2, 20}), 2, 4),
              {1, 10, 1, 10, 2, 20, 2, 20, 1, 10, 1, 10, 2, 20, 2, 20}, 1e-6);
  const Tensor<float> any = cast<float>(random_tensor({5, 7, 3}, 1));
  check_close(resized(any, 5, 7), {any.begin(), any.end()}, 0);
}

TEST_CASE("resized: any size to any size equals means over a common grid") {
  for (const auto& [H, W, height, width] : {std::array<Index, 4>{5, 7, 3, 4},
                                            {3, 4, 5, 7},
                                            {1, 1, 3, 2},
                                            {8, 2, 3, 5},
                                            {10, 9, 10, 1},
                                            {7, 7, 49, 6},
                                            {13, 11, 1, 12}}) {
    CAPTURE(H);
    CAPTURE(height);
    const Tensor<float> x = cast<float>(random_tensor({H, W, 2}, 3));
    const Tensor<float> y = resized(x, height, width);
    CHECK(y.shape() == Shape{height, width, 2});
    const Tensor<double> expected = resized_by_grid(x, height, width);
    check_close(y, {expected.begin(), expected.end()}, 2e-6);
  }
}

TEST_CASE("resized: errors") {
  const Tensor<float> image(Shape{2, 3, 1});
  check_throws<InputError>([&] { resized(image, 0, 2); }, {"0 x 2"});
  check_throws<InputError>([&] { resized(image, 2, -1); }, {"2 x -1"});
  check_throws<InputError>([] { resized(Tensor<float>(Shape{2, 3}), 1, 1); }, {"[H, W, C]", "[2, 3]"});
  check_throws<InputError>([] { resized(Tensor<float>(Shape{0, 3, 1}), 1, 1); }, {"[0, 3, 1]"});
}

TEST_CASE("read_idx_images: pictures of 0 to 1 with their labels, and what does not belong together") {
  const Directory directory;
  const auto idx = [&](const std::string& name, std::initializer_list<int> bytes) {
    std::string all;
    for (int b : bytes) all += static_cast<char>(b);
    return directory.write(name, all);
  };
  const std::string two = idx("two", {0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 2, 0, 255, 51, 102});
  const std::string labels = idx("labels", {0, 0, 8, 1, 0, 0, 0, 2, 7, 9}), one = idx("one", {0, 0, 8, 1, 0, 0, 0, 1, 7});
  const LabelledImages all = read_idx_images(two, labels);
  CHECK(all.images.shape() == Shape{2, 1, 2});
  check_close(all.images, {0, 1, .2, .4}, 1e-7);
  check_close(all.labels, {7, 9});
  check_throws<InputError>([&] { read_idx_images(two, one); }, {"two [2, 1, 2]", "one [1]", "one label each"});
  check_throws<InputError>([&] { read_idx_images(labels, labels); }, {"labels [2]", "one label each"});
  check_throws<FileError>([&] { read_idx_images(two, "missing"); }, {"missing"});
}

TEST_CASE("read_png: more pixels than the limit are refused before they are read") {
  const Directory directory;
  const auto file = encode_png(5, 3, std::vector<std::uint8_t>(5 * 3 * 3));
  const std::string path = directory.write("image.png", {file.begin(), file.end()});
  CHECK(read_png(path, {.pixels = 15}).shape() == Shape{3, 5, 3});
  check_throws<FileError>([&] { read_png(path, {.pixels = 14}); }, {path.c_str(), "5 x 3", "more than 14", "limit"});
}

TEST_CASE("read_png: one bit for each pixel, packed as well as can be, is no damage") {
  // 2000 rows of 2000 black pixels: half a million bytes, which deflate makes a thousandth of.
  const std::string file = png_file({2000, 2000, 1, 0}, std::string(2000 * 251, '\0'));
  CHECK(file.size() < 1000);
  const Directory directory;
  const Tensor<float> image = read_png(directory.write("image.png", file));
  CHECK(image.shape() == Shape{2000, 2000, 3});
  CHECK(std::ranges::all_of(image, [](float x) { return x == 0; }));
}
