// Media that a task takes beside its input, and how their transparent parts are composited before
// the task receives them. Used by the station, which has the pictures decoded so, and by the task's
// description. A task that works with transparency itself declares that it keeps it.
#pragma once

#include <set>
#include <string>

namespace atelier::card {

enum class Transparency {
  kKept,     // the task receives RGBA where the file has transparency
  kOnMatte,  // composited on the colour in the input's member `matte`
  kOnBlack,  // a mask: composited on black, which means "not here"
};

struct Attachment {
  std::string role = {};   // the field that carries it: "image", "mask"
  std::string title = {};  // for the page
  std::string media = "picture";
  bool required = false;
  Transparency transparency = Transparency::kKept;
  int frames_max = 1;  // of an animated picture that the task receives; the first is one of them
  std::string needs = {};       // role of another attachment that must come with it; "" is none
  std::string capability = {};  // that the model must have when this is attached; "" is the task's
};

// The roles of what was attached to a request.
using Roles = std::set<std::string>;

// The keys of a map by role.
template <class ByRole>
Roles roles_of(const ByRole& attachments) {
  Roles roles;
  for (const auto& [role, attached] : attachments) roles.insert(role);
  return roles;
}

}  // namespace atelier::card
