#include "common/labelled.h"

#include <algorithm>

#include <fmt/format.h>

#include "common/sentences.h"

#include <reel/data/files.h>
#include <reel/data/images.h>
#include <reel/data/words.h>
#include <reel/graph/error.h>

namespace labelled {

std::int32_t class_id(Dataset& data, const std::string& label) {
  const auto [it, added] = data.class_ids.try_emplace(label, static_cast<std::int32_t>(data.classes.size()));
  if (added) data.classes.push_back(label);
  return it->second;
}

namespace {

void add_text(Dataset& data, const std::string& label, std::string_view text, Index length) {
  std::vector<std::string> words = tokenize(text);
  if (static_cast<Index>(words.size()) > length) words.resize(static_cast<std::size_t>(length));
  data.labels.push_back(class_id(data, label));
  data.texts.push_back(std::move(words));
}

}  // namespace

Dataset read_texts(const std::string& path, Index length, Dataset data) {
  LineReader lines(path);
  for (std::string row; lines.next(row);) {
    if (row.empty()) continue;
    const std::size_t tab = row.find('\t');
    if (tab == std::string::npos || tab == 0) throw FileError(fmt::format("{}: expected label<TAB>text", lines.place()));
    if (tokenize(row.substr(tab + 1)).empty()) throw FileError(fmt::format("{}: the text is empty", lines.place()));
    add_text(data, row.substr(0, tab), std::string_view(row).substr(tab + 1), length);
  }
  if (data.size() == 0) throw FileError(path + ": is empty");
  return data;
}

Dataset draw_texts(Index count, Index length, RandomStream random, Dataset data) {
  for (Index i = 0; i < count; ++i) {
    const auto [label, text] = sentences::draw(random);
    add_text(data, label, text, length);
  }
  return data;
}

Dataset read_pictures(const std::string& image_path, const std::string& label_path) {
  auto [images, labels] = read_idx_images(image_path, label_path);
  if (images.shape().rank() != 3)
    throw InputError(fmt::format("{} {} are no pictures of rows and columns", image_path, images.shape().text()));
  Dataset data;
  data.pictures = std::move(images);
  const std::int32_t most = labels.size() ? *std::max_element(labels.begin(), labels.end()) : 0;
  for (std::int32_t c = 0; c <= most; ++c) data.classes.push_back(fmt::format("{}", c));
  data.labels.assign(labels.begin(), labels.end());
  return data;
}

}  // namespace labelled
