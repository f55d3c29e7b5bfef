// tests/starter/picture_check for Python: plain numbers in and out (see picture_check.py).

#include "picture_check.h"

using namespace atelier::starter;

// expected: background or -1, relation, number of objects, then shape, colour, place of each.
// words: receives what was seen, at most `words_size` bytes with the closing zero.
// Returns bits: 1 background, 2 count, 4 colours, 8 shapes, 16 places, 32 relation.
extern "C" int atelier_judge(const unsigned char* rgb, int width, int height, const int* expected,
                             char* words, int words_size) {
  const Picture picture{
      width, height, {rgb, static_cast<std::size_t>(width) * static_cast<std::size_t>(height) * 3}};
  Expectation facts;
  if (expected[0] >= 0) facts.background = static_cast<Colour>(expected[0]);
  facts.relation = static_cast<Relation>(expected[1]);
  for (int index = 0; index < expected[2]; ++index) {
    const int* object = expected + 3 + 3 * index;
    facts.objects.push_back({static_cast<Shape>(object[0]), static_cast<Colour>(object[1]),
                             static_cast<Place>(object[2])});
  }
  const Verdict verdict = judge(picture, facts);
  const std::size_t length = verdict.seen.copy(words, static_cast<std::size_t>(words_size - 1));
  words[length] = '\0';
  return (verdict.background ? 1 : 0) | (verdict.count ? 2 : 0) | (verdict.colours ? 4 : 0) |
         (verdict.shapes ? 8 : 0) | (verdict.places ? 16 : 0) | (verdict.relation ? 32 : 0);
}
