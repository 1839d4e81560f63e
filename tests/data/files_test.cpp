#include <filesystem>

#include <sys/stat.h>

#include <reel/data/files.h>

#include "directory.h"
#include "support.h"

using namespace reel;
using namespace reel::test;

namespace {

// kIdx below, packed by gzip.
const std::string kIdxGzip = bytes_of({31, 139, 8, 0,   0,   0,   0,   0,   2, 3,   99,  96, 224, 96, 98, 96, 96, 0,
                                       97, 102, 6, 198, 250, 134, 127, 255, 1, 139, 227, 62, 157, 18, 0,  0,  0});

const std::string kIdx = bytes_of({0, 0, 8, 2, 0, 0, 0, 2, 0, 0, 0, 3, 0, 1, 127, 128, 254, 255});

}  // namespace

TEST_CASE("read_file: bytes as they are") {
  const Directory directory;
  const std::string bytes = bytes_of({0, 255, 13, 10, 0, 26, 7});
  CHECK(read_file(directory.write("plain", bytes)) == bytes);
  CHECK(read_file(directory.write("empty", "")).empty());
  std::string large(200000, 'x');
  large[150000] = 'y';
  CHECK(read_file(directory.write("large", large)) == large);
}

TEST_CASE("read_file: gzip is unpacked") {
  const Directory directory;
  CHECK(read_file(directory.write("idx.gz", kIdxGzip)) == kIdx);
  // What gzip itself says of a file: two members after one another are one text.
  CHECK(read_file(directory.write("twice.gz", kIdxGzip + kIdxGzip)) == kIdx + kIdx);
}

TEST_CASE("read_file: missing files and directories are named") {
  const Directory directory;
  check_throws<FileError>([&] { read_file(directory.path() + "/none"); }, {"/none", "No such file"});
  check_throws<FileError>([&] { read_file(directory.path()); }, {directory.path().c_str(), "directory"});
}

TEST_CASE("read_file: damaged gzip is refused") {
  const Directory directory;
  const std::string cut = directory.write("cut.gz", kIdxGzip.substr(0, kIdxGzip.size() - 12));
  check_throws<FileError>([&] { read_file(cut); }, {"cut.gz"});
  try {
    read_file(cut);
  } catch (const FileError& e) {
    CHECK(std::string(e.what()).rfind(cut) == 0);  // the path stands there once
  }
  std::string wrong = kIdxGzip;
  wrong[wrong.size() - 6] = static_cast<char>(~wrong[wrong.size() - 6]);  // in the check sum
  const std::string damaged = directory.write("damaged.gz", wrong);
  check_throws<FileError>([&] { read_file(damaged); }, {"damaged.gz"});
}

TEST_CASE("write_file: bytes as they are, in place of what was there") {
  const Directory directory;
  const std::string path = directory.write("file", "what was there before, and longer");
  const std::string bytes = bytes_of({0, 255, 13, 10, 0, 26, 7});
  write_file(path, bytes);
  CHECK(read_file(path) == bytes);
  write_file(path, "");
  CHECK(read_file(path).empty());
  CHECK(!std::filesystem::exists(path + ".partial"));
}

TEST_CASE("write_file: what fails names the path and the reason, and leaves nothing behind") {
  const Directory directory;
  const std::string missing = directory.path() + "/none/file";
  check_throws<FileError>([&] { write_file(missing, "x"); }, {missing.c_str(), "No such file"});
  check_throws<FileError>([&] { write_file(directory.path(), "x"); }, {directory.path().c_str(), "irectory"});
  CHECK(!std::filesystem::exists(directory.path() + ".partial"));
  const std::string inside = directory.write("plain", "as before") + "/file";
  check_throws<FileError>([&] { write_file(inside, "x"); }, {inside.c_str(), "Not a directory"});
  CHECK(read_file(directory.path() + "/plain") == "as before");
}

TEST_CASE("write_file: a link stays and its file is written; what is no regular file is refused and stays") {
  const Directory directory;
  const std::string file = directory.write("file", "before"), link = directory.path() + "/link",
                    pipe = directory.path() + "/pipe";
  std::filesystem::create_symlink("file", link);
  write_file(link, "after");
  CHECK(std::filesystem::is_symlink(link));
  CHECK(read_file(file) == "after");
  REQUIRE(mkfifo(pipe.c_str(), 0600) == 0);
  check_throws<FileError>([&] { write_file(pipe, "x"); }, {pipe.c_str(), "no regular file"});
  CHECK(std::filesystem::is_fifo(pipe));
}

TEST_CASE("write_file: nobody knows the new file's name beforehand") {
  const Directory directory;
  const std::string path = directory.write("file", "before"), own = directory.write("file.partial", "a user's own"),
                    victim = directory.write("victim", "not to be touched");
  write_file(path, "after");
  CHECK(read_file(own) == "a user's own");
  std::filesystem::remove(own);
  std::filesystem::create_symlink(victim, own);
  write_file(path, "again");
  CHECK(read_file(path) == "again");
  CHECK(read_file(victim) == "not to be touched");
  CHECK(directory.files() == 3);
}

TEST_CASE("write_file: the mode stays, and a new file's is the process's own") {
  const Directory directory;
  using std::filesystem::perms;
  const std::string path = directory.write("file", "before");
  for (const perms mode : {perms::owner_read | perms::owner_write, perms(0640), perms(0755)}) {
    std::filesystem::permissions(path, mode);
    write_file(path, "after");
    CHECK(std::filesystem::status(path).permissions() == mode);
  }
  write_file(directory / "new", "x");
  const mode_t mask = umask(0);
  umask(mask);
  CHECK(std::filesystem::status(directory / "new").permissions() == perms(0666 & ~mask));
}

TEST_CASE("write_file: a disk that is full leaves what was there") {
  if (!std::filesystem::exists("/dev/full")) return;
  check_throws<FileError>([] { write_file("/dev/full", "x"); }, {"/dev/full", "no regular file"});
}

TEST_CASE("read_file: what is no regular file is refused, without waiting") {
  const Directory directory;
  const std::string pipe = directory / "pipe";
  REQUIRE(mkfifo(pipe.c_str(), 0600) == 0);
  check_throws<FileError>([&] { read_file(pipe); }, {pipe.c_str(), "no regular file"});
  check_throws<FileError>([] { read_file("/dev/zero"); }, {"/dev/zero", "no regular file"});
  check_throws<FileError>([&] { LineReader lines(pipe); }, {pipe.c_str(), "no regular file"});
}

TEST_CASE("read_file: more than the limit is refused, packed or not") {
  const Directory directory;
  const std::string path = directory.write("plain", std::string(1000, 'x')), packed = directory.write("idx.gz", kIdxGzip);
  CHECK(read_file(path, {.bytes = 1000}).size() == 1000);
  check_throws<FileError>([&] { read_file(path, {.bytes = 999}); }, {path.c_str(), "more than 999 bytes", "limit"});
  CHECK(read_file(packed, {.bytes = kIdx.size()}) == kIdx);
  check_throws<FileError>([&] { read_file(packed, {.bytes = kIdx.size() - 1}); }, {packed.c_str(), "limit"});
  check_throws<FileError>([&] { read_idx(packed, {.bytes = 4}); }, {packed.c_str(), "limit"});
}

TEST_CASE("read_text: without a byte order mark, and in no other encoding") {
  const Directory directory;
  CHECK(read_text(directory.write("marked",
                                  "\xEF\xBB\xBF"
                                  "text")) == "text");
  CHECK(read_text(directory.write("plain", "text")) == "text");
  CHECK(read_text(directory.write("mark", "\xEF\xBB\xBF")).empty());
  CHECK(read_text(directory.write("any", bytes_of({0, 255, 1}))) == bytes_of({0, 255, 1}));
  for (const std::string& mark : {bytes_of({0xFF, 0xFE}), bytes_of({0xFE, 0xFF}), bytes_of({0, 0, 0xFE, 0xFF})})
    check_throws<FileError>([&] { read_text(directory.write("wide", mark + "x")); }, {"wide", "UTF-16"});
}

TEST_CASE("LineReader: lines of either end, numbered") {
  const Directory directory;
  const std::string path = directory.write("lines",
                                           "\xEF\xBB\xBF"
                                           "one\r\n\ntwo\nthree");
  LineReader lines(path);
  std::string line, all;
  while (lines.next(line)) all += fmt::format("{}={};", lines.number(), line);
  CHECK(all == "1=one;2=;3=two;4=three;");
  CHECK(lines.place() == path + ":4");
  CHECK(!lines.next(line));
  LineReader none(directory.write("empty", ""));
  CHECK(!none.next(line));
  LineReader one(directory.write("one", "\n"));
  CHECK(one.next(line));
  CHECK(line.empty());
  CHECK(!one.next(line));
}

TEST_CASE("LineReader: long lines and many, a limit to one, and gzip") {
  const Directory directory;
  std::string text, expected;
  for (int i = 0; i < 3000; ++i) text += std::string(static_cast<std::size_t>(i % 97), 'x') + "\n";
  text += std::string(200000, 'y');
  LineReader lines(directory.write("long", text));
  std::string line, all;
  while (lines.next(line)) all += line + "\n";
  CHECK(all == text + "\n");
  LineReader limited(directory.write("longer", "short\n" + std::string(300000, 'y')), {.bytes = 100000});
  CHECK(limited.next(line));
  check_throws<FileError>(
      [&] {
        while (limited.next(line)) continue;
      },
      {"longer:2", "100000", "limit"});
  LineReader packed(directory.write("idx.gz", kIdxGzip));
  CHECK(packed.next(line));
}

TEST_CASE("read_idx: plain and gzipped") {
  const Directory directory;
  for (const std::string& bytes : {kIdx, kIdxGzip}) {
    const Tensor<std::int32_t> t = read_idx(directory.write("images", bytes));
    CHECK(t.shape() == Shape{2, 3});
    check_close(t, {0, 1, 127, 128, 254, 255});
  }
}

TEST_CASE("read_idx: labels of one dimension, and no rows at all") {
  const Directory directory;
  const Tensor<std::int32_t> labels = read_idx(directory.write("labels", bytes_of({0, 0, 8, 1, 0, 0, 0, 2, 9, 4})));
  CHECK(labels.shape() == Shape{2});
  check_close(labels, {9, 4});
  const Tensor<std::int32_t> none = read_idx(directory.write("none", bytes_of({0, 0, 8, 2, 0, 0, 0, 0, 0, 0, 0, 3})));
  CHECK(none.shape() == Shape{0, 3});
}

TEST_CASE("read_idx: sizes are big-endian") {
  const Directory directory;
  // 1 x 65536 + 2 x 256 + 3
  const Tensor<std::int32_t> t = read_idx(directory.write("long", bytes_of({0, 0, 8, 1, 0, 1, 2, 3}) + std::string(66051, '\7')));
  CHECK(t.shape() == Shape{66051});
  CHECK(t[66050] == 7);
}

TEST_CASE("read_idx: what is wrong with a file") {
  struct Row {
    std::string name;
    std::string bytes;
    const char* says;
  };
  const Row rows[] = {
      {"empty", "", "no IDX"},
      {"short", bytes_of({0, 0, 8}), "no IDX"},
      {"text", "hello, world", "no IDX"},
      {"floats", bytes_of({0, 0, 13, 1, 0, 0, 0, 1, 0, 0, 0, 0}), "no IDX"},
      {"no_dimensions", bytes_of({0, 0, 8, 0, 1}), "no IDX"},
      {"many_dimensions", bytes_of({0, 0, 8, 9}) + std::string(36, '\1') + "x", "no IDX"},
      {"header", bytes_of({0, 0, 8, 2, 0, 0, 0, 2, 0, 0}), "cut short"},
      {"header less one", bytes_of({0, 0, 8, 2, 0, 0, 0, 2, 0, 0, 0}), "cut short"},
      {"few", kIdx.substr(0, kIdx.size() - 1), "[2, 3] = 6 bytes, but 5"},
      {"many", kIdx + "x", "[2, 3] = 6 bytes, but 7"},
      {"huge", bytes_of({0, 0, 8, 3, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255}) + "x", "too much"},
  };
  const Directory directory;
  for (const Row& row : rows) {
    const std::string path = directory.write(row.name, row.bytes);
    check_throws<FileError>([&] { read_idx(path); }, {path.c_str(), row.says});
  }
  check_throws<FileError>([&] { read_idx(directory.path() + "/none"); }, {"/none"});
}
