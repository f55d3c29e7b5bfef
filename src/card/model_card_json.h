// The described members of a card, so that json/describe.h reads and writes them. Included by the
// edges (protocol, http) that turn cards into JSON; the structs themselves stay plain.
#pragma once

#include <boost/describe.hpp>

#include "card/model_card.h"
#include "card/progress.h"

namespace atelier::card {

BOOST_DESCRIBE_STRUCT(Parameter, (),
                      (name, kind, title, help, unit, minimum, maximum, exclusive_minimum, step,
                       slider_maximum, bytes_max, default_value, choices, choice_titles, list,
                       needs))

BOOST_DESCRIBE_STRUCT(MemoryFormula, (), (weights_bytes, bytes_per_pixel))

BOOST_DESCRIBE_STRUCT(ServedTask, (), (task, parameters))

BOOST_DESCRIBE_STRUCT(ModelCard, (),
                      (id, title, family, format, description, capabilities, native_width,
                       native_height, memory, content_hash, warnings, rank, tasks))

BOOST_DESCRIBE_STRUCT(Progress, (), (stage, step, total, eta_seconds, steps_per_second))

BOOST_DESCRIBE_STRUCT(NamedChoice, (), (id, title, available, aliases))

}  // namespace atelier::card
