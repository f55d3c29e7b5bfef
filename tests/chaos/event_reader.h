// Follows the events of one job as a browser does: over lost connections and restarts of the
// station, with Last-Event-ID, until the last event. Checks their order. One thread.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "dice.h"
#include "journal.h"
#include "ledger.h"
#include "station_life.h"
#include "tests/doubles/raw_client.h"

namespace atelier::chaos {

class EventReader {
 public:
  EventReader(StationLife& station, Ledger& ledger, Journal& journal, std::string job);

  // Until the last event, or until `is_over`.
  void follow(Dice& dice, const std::function<bool()>& is_over);
  bool ended() const { return ended_; }  // the last event has come

 private:
  void visit(int events_max, const std::function<bool()>& is_over);
  // Up to and with `mark`; "" at the end of the connection, or when it is over.
  std::string read(http::RawClient& client, std::string_view mark,
                   const std::function<bool()>& is_over);
  void take(const std::string& event);
  void take_text(const boost::json::value& data);
  void expect_no_more(http::RawClient& client);
  void wrong(const std::string& what);

  StationLife& station_;
  Ledger& ledger_;
  Journal& journal_;
  const std::string job_;
  std::int64_t last_id_ = 0;
  std::int64_t text_bytes_ = 0;
  bool ended_ = false;
  bool is_wrong_ = false;
};

}  // namespace atelier::chaos
