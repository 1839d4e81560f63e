// Vectors of words: the text files of GloVe (Pennington et al., 2014), word2vec and fastText, and what lies near what.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include <reel/data/words.h>
#include <reel/graph/tensor.h>

namespace reel {

struct WordVectors {
  WordVocabulary words;
  Tensor<float> vectors;  // [V, E], a row for each word
  Index size() const { return vectors.shape().dim(1); }
};

// One word and its numbers on each line, with one space between: "the 0.418 0.24968 -0.41242". A first line of two whole numbers,
// as word2vec and fastText have it, is how many words there are and how many numbers each has, where the next line has so many
// and more than one. FileError, with the line, for a line of another length, what is no number, fewer words than the first line
// says, and a file without words. Of a word that stands there twice the first counts. `most`: only so many words are read, and no
// more of the file; 0 for all.
WordVectors read_word_vectors(const std::string& path, Index most = 0);

// The same format, whole or not at all. FileError when it cannot be written; InputError for what could not be read again: words
// that are empty or have a space or line break in them, numbers that are not finite, no numbers.
void write_word_vectors(const std::string& path, const WordVectors& vectors);

enum class Distance : std::uint8_t { euclidean, cosine };  // |a - b|, and 1 - a b / (|a| |b|)

struct Neighbour {
  std::int32_t id;
  double distance;
};

// Here and below: InputError for an id or word that is not there.
double distance(const WordVectors& vectors, std::int32_t a, std::int32_t b, Distance measure);

// The `count` words nearest to a word, itself left out, or to any vector of as many numbers, `without` some; nearest first, words
// of equal distance in their order.
std::vector<Neighbour> nearest(const WordVectors& vectors, std::string_view word, Index count, Distance measure);
std::vector<Neighbour> nearest(const WordVectors& vectors, std::span<const float> to, Index count, Distance measure,
                               std::span<const std::int32_t> without = {});

// Rows for a vocabulary, for the table of an Embedding: known words' vectors; the others keep the rows of `begin` [V, E].
// InputError when its size is another.
Tensor<float> rows_for(const WordVocabulary& words, const WordVectors& vectors, Tensor<float> begin);

}  // namespace reel
