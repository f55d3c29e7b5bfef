#include "http/endpoints/unknown_fields.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace atelier::http {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

std::vector<FieldGroup> groups() {
  return {{"", {"kind", "priority", "input"}},
          {"/input", {"prompt", "steps", "guidance", "image", "batch"}}};
}

TEST(UnknownFields, SuggestASimilarField) {
  EXPECT_THAT(describe_unknown({"/input/stepz", "/input/glue"}, groups()),
              ElementsAre("unknown field 'stepz' was ignored (did you mean 'steps'?)",
                          "unknown field 'glue' was ignored"));
}

TEST(UnknownFields, SuggestFieldsByTheirNamesInOtherPrograms) {
  EXPECT_THAT(describe_unknown({"/input/cfg_scale", "/input/init_image", "/input/n"}, groups()),
              ElementsAre(HasSubstr("'guidance'"), HasSubstr("'image'"), HasSubstr("'batch'")));
}

TEST(UnknownFields, SuggestTheGroupOfAField) {
  EXPECT_THAT(describe_unknown({"/prompt", "/input/priority"}, groups()),
              ElementsAre("unknown field 'prompt' was ignored (did you mean 'input.prompt'?)",
                          "unknown field 'priority' was ignored (did you mean '/priority'?)"));
}

TEST(UnknownFields, AreNamedInPartWhenThereAreThousands) {
  const std::vector<std::string> many(5000, "/x" + std::string(1000, 'y'));
  const auto sentences = describe_unknown(many, groups());
  ASSERT_EQ(sentences.size(), 9U);
  EXPECT_LT(sentences.front().size(), 100U);
  EXPECT_EQ(sentences.back(), "4992 further unknown fields were ignored");
  EXPECT_THAT(describe_unknown({"/" + std::string(39, 'x') + "ü"}, groups()),
              ElementsAre(HasSubstr(std::string(39, 'x') + "…'")));
  EXPECT_THAT(describe_unknown({"/a~1b~0"}, groups()), ElementsAre(HasSubstr("'a/b~'")));
}

}  // namespace
}  // namespace atelier::http
