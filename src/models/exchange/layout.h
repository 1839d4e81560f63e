// Layouts: how the tensors of another framework hold the parameters of a layer, for reading and writing alike.
//
//   const SafetensorsFile file("theirs.safetensors");
//   load_layout(file, "encoder.rnn.", pytorch::lstm(cell), values);
//
//   StoredLayouts ours;
//   ours.add("encoder.rnn.", pytorch::lstm(cell), values);
//   ours.write("ours.safetensors");
//
// PyTorch's are made by models/exchange/pytorch.h, Keras' by models/exchange/keras.h. Errors are FileErrors that name the path.
#pragma once

#include <deque>
#include <map>
#include <string>
#include <vector>

#include <reel/data/safetensors.h>
#include <reel/graph/parameter.h>

namespace reel {

// Where the elements of a parameter lie in a foreign tensor: taken in their order as an array of these dimensions, element
// (i, j, ..) is at `at` + i strides[0] + j strides[1] + ...
struct ForeignBlock {
  Parameter parameter;
  Index at = 0;
  std::vector<Index> dims, strides;
  bool adds = false;  // to what another block gives the parameter, such as a second bias; written as zeros
};

struct ForeignTensor {
  std::string name;
  std::vector<Index> dims = {};
  std::vector<ForeignBlock> blocks = {};  // each element of the tensor is in one of them
  bool optional = false;                  // a layer without biases has none: then they are zeros
  std::string refused = {};               // if not empty, a file must not have it, and this is why
};

using Layout = std::vector<ForeignTensor>;

// Gives the layout's parameters the numbers of the file's tensors, whose names begin with the prefix. FileError, with the values
// as they were, that lists all tensors that are missing or of other shapes; optional ones are missing all or none.
template <class T>
void load_layout(const SafetensorsFile& file, const std::string& prefix, const Layout& layout, ParameterValues<T>& values);

// Foreign tensors made of parameters, to be written to one file.
class StoredLayouts {
 public:
  template <class T>
  void add(const std::string& prefix, const Layout& layout, const ParameterValues<T>& values);
  void write(const std::string& path, const std::map<std::string, std::string>& metadata = {}) const;

 private:
  std::vector<TensorToStore> tensors_;
  std::deque<std::vector<float>> floats_;
  std::deque<std::vector<double>> doubles_;
};

}  // namespace reel
