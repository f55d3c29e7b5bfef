#include "domain/jobs/input_rules.h"

#include <algorithm>

#include "domain/jobs/attachment_rules.h"
#include "media/image/colour.h"
#include "platform/error.h"

namespace atelier::domain {
namespace {

void check_matte(const card::TaskInput& input) {
  const bool composited =
      std::ranges::any_of(input.task()->attachments, [](const card::Attachment& attachment) {
        return attachment.transparency == card::Transparency::kOnMatte;
      });
  const auto matte = input.text(card::kMatteMember);
  if (!composited || matte.empty() || media::colour_from_text(matte)) return;
  throw Error(ErrorCode::kInvalidArgument, std::string(card::kMatteMember),
              "invalid colour: expected #rrggbb, for example #ffffff, or white, black or grey");
}

}  // namespace

void check_job_input(const card::TaskInput& input, const card::ModelCard& model,
                     const card::Roles& attached) {
  card::check_input(input, model, attached);
  check_matte(input);
}

std::vector<std::string> warnings_of(const card::TaskInput& input, const card::Roles& attached,
                                     const FieldNames& names) {
  std::vector<std::string> sentences;
  for (const auto& note : card::without_effect(input, attached)) {
    sentences.push_back(names.of(note.field) + " " + note.sentence);
  }
  return sentences;
}

}  // namespace atelier::domain
