// The published configurations of the families that are recognised in single files, which hold
// weights and nothing else: head counts, scaling factors and the like cannot be seen in shapes.
// Plain data.
#pragma once

#include <boost/json/object.hpp>

namespace atelier::engine {

struct PublishedFamily {
  boost::json::object unet;  // in_channels is that of the plain model: the file decides
  boost::json::object vae;
  boost::json::object text_encoder;
  boost::json::object text_encoder_2;  // empty: has none
  boost::json::object scheduler;
  boost::json::object inpaint_scheduler;
};

PublishedFamily published_sd15();
PublishedFamily published_sdxl();

}  // namespace atelier::engine
