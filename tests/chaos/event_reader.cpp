#include "event_reader.h"

#include <chrono>
#include <thread>
#include <utility>

#include "json_fields.h"

namespace atelier::chaos {

using namespace std::chrono_literals;

EventReader::EventReader(StationLife& station, Ledger& ledger, Journal& journal, std::string job)
    : station_(station), ledger_(ledger), journal_(journal), job_(std::move(job)) {}

void EventReader::wrong(const std::string& what) {
  is_wrong_ = true;
  journal_.violation("the events of job " + job_ + ": " + what);
}

void EventReader::follow(Dice& dice, const std::function<bool()>& is_over) {
  while (!ended_ && !is_wrong_ && !is_over()) {
    if (!station_.is_up()) {
      std::this_thread::sleep_for(20ms);
      continue;
    }
    visit(dice.one_in(3) ? dice.between(1, 6) : 10'000, is_over);
  }
  if (!ended_ || is_wrong_) return;
  const auto again = station_.ask("GET", "/api/v1/jobs/" + job_ + "/events", {},
                                  "Last-Event-ID: " + std::to_string(last_id_) + "\r\n");
  if (again.owed && again.reply.status != 204) {
    wrong("after the last one the status is " + std::to_string(again.reply.status));
  }
}

std::string EventReader::read(http::RawClient& client, std::string_view mark,
                              const std::function<bool()>& is_over) {
  client.patience = 300ms;
  while (true) {
    auto text = client.text_until(mark);
    if (!text.empty() || client.ended() || is_over()) return text;
  }
}

void EventReader::visit(int events_max, const std::function<bool()>& is_over) {
  const int generation = station_.generation();
  http::RawClient client{station_.port()};
  const auto seen = last_id_ > 0 ? "Last-Event-ID: " + std::to_string(last_id_) + "\r\n" : "";
  if (!client.request("GET", "/api/v1/jobs/" + job_ + "/events", {}, seen)) return;
  const auto head = read(client, "\r\n\r\n", is_over);
  if (head.empty()) return;
  if (!head.starts_with("HTTP/1.1 200")) {
    if (generation == station_.generation()) wrong("status " + head.substr(9, 3));
    return;
  }
  for (int i = 0; i < events_max && !is_wrong_; ++i) {
    const auto event = read(client, "\n\n", is_over);
    if (event.empty()) return;
    take(event);
    if (ended_) return expect_no_more(client);
  }
}

void EventReader::expect_no_more(http::RawClient& client) {
  const auto end = Clock::now() + 30s;
  while (!client.ended() && Clock::now() < end) {
    const auto more = client.text_until("\n\n");
    if (more.find("event:") != std::string::npos) return wrong("after the last one comes " + more);
  }
  if (!client.ended()) wrong("the connection stays open after the last one");
}

void EventReader::take(const std::string& event) {
  if (!event.starts_with("id: ")) return;  // a comment, or the time to wait before a reconnection
  const auto id = std::stoll(event.substr(4));
  const auto type_at = event.find("event: "), data_at = event.find("data: ");
  if (type_at == std::string::npos || data_at == std::string::npos) return wrong(event);
  const auto type = event.substr(type_at + 7, event.find('\n', type_at) - type_at - 7);
  const auto data = parsed(event.substr(data_at + 6));
  if (id <= last_id_) {
    wrong("after " + std::to_string(last_id_) + " comes " + event.substr(0, 500));
  }
  last_id_ = id;
  if (type == "text") return take_text(data);
  const auto& view = field(data, "job");
  if (text_at(view, "id") != job_) return wrong("one of another job: " + event.substr(0, 500));
  if (type != "end") return;
  ended_ = true;
  ledger_.observe_end(view, id);
}

void EventReader::take_text(const bj::value& data) {
  const auto offset = number_at(data, "offset");
  const auto size = std::ssize(text_at(data, "text"));
  if (offset != 0 && offset != text_bytes_) {
    wrong("text at offset " + std::to_string(offset) + " after " + std::to_string(text_bytes_) +
          " bytes");
  }
  text_bytes_ = offset + size;
}

}  // namespace atelier::chaos
