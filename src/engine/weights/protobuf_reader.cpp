#include "engine/weights/protobuf_reader.h"

#include "platform/error.h"

namespace atelier::engine {

void ProtobufReader::fail(Bytes at, const std::string& what) const {
  throw Error(ErrorCode::kCorruptData, where_ + ": broken " + kind_ + ": at byte " +
                                           std::to_string(offset_of(at)) + ": " + what +
                                           "; download or copy it again");
}

std::uint64_t ProtobufReader::take_varint(Bytes& rest) const {
  const Bytes start = rest;
  std::uint64_t value = 0;
  for (unsigned shift = 0; shift < 64; shift += 7) {
    if (rest.empty()) fail(start, "a number is cut off (truncated?)");
    const auto byte = std::to_integer<std::uint64_t>(rest.front());
    rest = rest.subspan(1);
    value |= (byte & 0x7f) << shift;
    if (byte < 0x80) return value;
  }
  fail(start, "a number is longer than 64 bits");
}

std::uint64_t ProtobufReader::take_fixed(Bytes& rest, unsigned bytes) const {
  if (rest.size() < bytes) fail(rest, "a number is cut off (truncated?)");
  std::uint64_t value = 0;
  for (unsigned i = 0; i < bytes; ++i) {
    value |= std::to_integer<std::uint64_t>(rest[i]) << (8 * i);
  }
  rest = rest.subspan(bytes);
  return value;
}

ProtobufField ProtobufReader::take_field(Bytes& rest) const {
  const Bytes start = rest;
  const std::uint64_t key = take_varint(rest);
  ProtobufField field;
  field.number = key >> 3;
  if (field.number == 0) fail(start, "a field has the number 0");
  switch (key & 7) {
    case 0:
      field.wire = ProtobufField::Wire::kVarint;
      field.value = take_varint(rest);
      return field;
    case 1:
      field.wire = ProtobufField::Wire::kFixed64;
      field.value = take_fixed(rest, 8);
      return field;
    case 2: {
      field.wire = ProtobufField::Wire::kBytes;
      const std::uint64_t length = take_varint(rest);
      if (length > rest.size()) {
        fail(start, "a field claims " + std::to_string(length) + " bytes of " +
                        std::to_string(rest.size()) + " (truncated?)");
      }
      field.bytes = rest.first(static_cast<std::size_t>(length));
      rest = rest.subspan(static_cast<std::size_t>(length));
      return field;
    }
    case 5:
      field.wire = ProtobufField::Wire::kFixed32;
      field.value = take_fixed(rest, 4);
      return field;
    default:  // groups, which newer files do not have, and what has no meaning
      fail(start, "a field has the unknown encoding " + std::to_string(key & 7));
  }
}

void ProtobufReader::need(const ProtobufField& field, ProtobufField::Wire wire, Bytes at) const {
  if (field.wire != wire) {
    fail(at, "field " + std::to_string(field.number) + " is encoded as another type");
  }
}

}  // namespace atelier::engine
