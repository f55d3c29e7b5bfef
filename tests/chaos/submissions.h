// Requests for jobs of every kind: tasks, priorities, pictures, invalid ones. Any thread with dice
// of its own.
#pragma once

#include <string>

#include "dice.h"
#include "ledger.h"

namespace atelier::chaos {

struct JobRequest {
  Submission submission;
  std::string body;        // of POST /api/v1/jobs
  int refused_with = 202;  // the status that an invalid one must get
};

JobRequest any_job(Dice& dice);
JobRequest any_invalid_job(Dice& dice);
// Of the paths that answer with the outcome of the job.
struct Call {
  std::string path, body;
};
Call any_call(Dice& dice);

}  // namespace atelier::chaos
