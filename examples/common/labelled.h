// Sequences with a class each: texts from files of label<TAB>text lines or made up, and pictures from IDX files.
#pragma once

#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include <reel/graph/random.h>
#include <reel/graph/tensor.h>

namespace labelled {

using namespace reel;

struct Dataset {
  std::vector<std::string> classes;
  std::unordered_map<std::string, std::int32_t> class_ids;
  std::vector<std::int32_t> labels;
  // A text: words. A picture: rows of numbers, one after another.
  std::vector<std::vector<std::string>> texts;
  Tensor<float> pictures;  // [N, rows, columns]; empty for texts
  bool of_texts() const { return !texts.empty(); }
  Index size() const { return static_cast<Index>(labels.size()); }
};

// The number of a class, new or known.
std::int32_t class_id(Dataset& data, const std::string& label);

// Each adds to what there is: texts of at most `length` words. FileError for a line without a label or a text, and an empty file.
Dataset read_texts(const std::string& path, Index length, Dataset data = {});
Dataset draw_texts(Index count, Index length, RandomStream random, Dataset data = {});
// Pictures of rows and columns, in [0, 1], with the classes 0, 1, ... InputError for others.
Dataset read_pictures(const std::string& images, const std::string& labels);

}  // namespace labelled
