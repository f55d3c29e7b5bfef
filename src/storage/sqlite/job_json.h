// How the parts of a job look in the database: their members by name. Only added to, never renamed;
// a missing member is its default, so that an older row stays readable.
#pragma once

#include <boost/describe.hpp>

#include "card/generation_json.h"
#include "domain/jobs/job.h"

namespace atelier::domain {

BOOST_DESCRIBE_STRUCT(JobInput, (), (kind, generation, image_artifact, mask_artifact, warnings))
BOOST_DESCRIBE_STRUCT(JobResult, (), (artifacts, used, timing))

}  // namespace atelier::domain
