// Messages of Protocol Buffers, read field by field without copying: numbers, and the bytes of
// whatever has a length. Meaning and nesting are the caller's. Throws kCorruptData with the byte
// where the encoding is broken. Any thread, no torch. Source: the Protocol Buffers encoding
// specification.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

namespace atelier::engine {

struct ProtobufField {
  enum class Wire { kVarint = 0, kFixed64 = 1, kBytes = 2, kFixed32 = 5 };

  std::uint64_t number = 0;
  Wire wire = Wire::kVarint;
  std::uint64_t value = 0;           // of a varint or a fixed one
  std::span<const std::byte> bytes;  // of kBytes
};

class ProtobufReader {
 public:
  using Bytes = std::span<const std::byte>;

  // `file` is what offsets count from; `kind` is for sentences: "ONNX file".
  ProtobufReader(Bytes file, std::string where, std::string kind)
      : file_(file), where_(std::move(where)), kind_(std::move(kind)) {}

  // Calls `each(field, bytes from the field on)` for every field of a message.
  template <typename Each>
  void for_fields(Bytes message, Each&& each) const {
    while (!message.empty()) {
      const Bytes start = message;
      each(take_field(message), start);
    }
  }

  // Each takes its bytes off the front of `rest`.
  ProtobufField take_field(Bytes& rest) const;
  std::uint64_t take_varint(Bytes& rest) const;
  std::uint64_t take_fixed(Bytes& rest, unsigned bytes) const;  // little-endian

  void need(const ProtobufField& field, ProtobufField::Wire wire, Bytes at) const;
  std::uint64_t offset_of(Bytes bytes) const {
    return static_cast<std::uint64_t>(bytes.data() - file_.data());
  }
  const std::string& where() const { return where_; }
  [[noreturn]] void fail(Bytes at, const std::string& what) const;

 private:
  Bytes file_;
  std::string where_, kind_;
};

}  // namespace atelier::engine
