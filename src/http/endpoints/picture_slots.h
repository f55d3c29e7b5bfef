// Pictures in a JSON reply without holding their text: the reply is written with marks in their
// places, and the sender reads each picture from the disk, in base64, when its place comes.
// One object per reply, any thread.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "platform/byte_source.h"

namespace atelier::http {

class PictureSlots {
 public:
  PictureSlots();

  // The text to write in the picture's place.
  std::string add(std::shared_ptr<const platform::ByteSource> picture);

  std::shared_ptr<const platform::ByteSource> fill(std::string_view json) const;

 private:
  std::string mark_;  // random: a client cannot send it in a text
  std::vector<std::shared_ptr<const platform::ByteSource>> pictures_;
};

}  // namespace atelier::http
