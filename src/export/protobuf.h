// Messages in the wire format of Protocol Buffers, field by field: as much of it as ONNX files are made of. Internal to
// src/export.
#pragma once

#include <bit>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace reel {

class ProtobufMessage {
 public:
  ProtobufMessage& whole(int field, std::int64_t x) {
    key(field, 0);
    varint(static_cast<std::uint64_t>(x));
    return *this;
  }
  ProtobufMessage& number(int field, float x) {
    key(field, 5);
    const auto bits = std::bit_cast<std::uint32_t>(x);
    for (int byte = 0; byte < 4; ++byte) bytes_ += static_cast<char>(bits >> (8 * byte) & 0xff);
    return *this;
  }
  ProtobufMessage& text(int field, std::string_view x) {
    key(field, 2);
    varint(x.size());
    bytes_ += x;
    return *this;
  }
  ProtobufMessage& message(int field, const ProtobufMessage& x) { return text(field, x.bytes_); }

  const std::string& bytes() const { return bytes_; }

 private:
  void key(int field, int wire_type) { varint(static_cast<std::uint64_t>(field) << 3 | static_cast<std::uint64_t>(wire_type)); }
  void varint(std::uint64_t x) {
    for (; x >= 0x80; x >>= 7) bytes_ += static_cast<char>((x & 0x7f) | 0x80);
    bytes_ += static_cast<char>(x);
  }
  std::string bytes_;
};

}  // namespace reel
