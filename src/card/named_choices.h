// Names of an engine's lists (samplers, schedules) as they are sent: ids, titles and the spellings
// of other programs. Pure, any thread.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "card/progress.h"
#include "card/task.h"

namespace atelier::card {

using NamedList = std::vector<NamedChoice>;
// By the name of the list ("samplers"). A list that is absent or empty accepts every name.
using NamedLists = std::map<std::string, NamedList>;

// Names of all dialects are compared without case, spaces and punctuation; '+' counts as 'p', so
// that "DPM++ 2M" is "dpmpp_2m".
std::string comparable(std::string_view name);

// Null: the list has no such name.
const NamedChoice* find_choice(const NamedList& list, std::string_view name);

// "DPM++ 2M Karras": a name of `first` followed by a name of `second`.
using ChoicePair = std::pair<const NamedChoice*, const NamedChoice*>;
std::optional<ChoicePair> split_name(std::string_view name, const NamedList& first,
                                     const NamedList& second);

// The input with each name of a list replaced by its id. A name that belongs to
// another list of the task, or is made of a name of each, sets both members. Throws
// kInvalidArgument (unknown; with the nearest names) or kUnsupported (known, not implemented) with
// the field.
TaskInput with_ids(const TaskInput& input, const NamedLists& lists);

}  // namespace atelier::card
