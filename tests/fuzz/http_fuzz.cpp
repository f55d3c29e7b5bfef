// Bytes of a connection, as the server reads them: the HTTP parser, then everything that is decided
// before a handler runs. The body comes in the pieces that the parser gives.
#include <boost/beast/http/buffer_body.hpp>
#include <boost/beast/http/parser.hpp>
#include <cstddef>
#include <cstdint>
#include <string>

#include "http/admission.h"
#include "http/endpoints/all_endpoints.h"
#include "http/reply_head.h"
#include "platform/error.h"

namespace bh = boost::beast::http;
using namespace atelier;
using namespace atelier::http;

namespace {

using Parser = bh::request_parser<bh::buffer_body>;

const AccessRules& rules() {
  static const AccessRules kRules{"127.0.0.1", {"studio.lan"}, {"https://gallery.example"}, "key"};
  return kRules;
}

void admit_and_answer(const Parser& parser) {
  static const std::vector<Route> kRoutes = all_endpoints();
  Request request;
  request.method = std::string{parser.get().method_string()};
  for (const auto& field : parser.get()) {
    request.headers.emplace_back(std::string{field.name_string()}, std::string{field.value()});
  }
  try {
    const Admission admission =
        admit(request, std::string{parser.get().target()}, "127.0.0.1", rules(), kRoutes);
    if (admission.answer) {
      const std::string head = reply_head(*admission.answer, {0}, cors_fields(request));
      // One blank line, at the end: nothing of the request may end the head early.
      if (head.find("\r\n\r\n") != head.size() - 4) __builtin_trap();
    }
  } catch (const Error&) {  // an unreadable address: answered with 400
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Parser parser;
  parser.header_limit(32 << 10);
  parser.body_limit(boost::none);
  boost::system::error_code error;
  boost::asio::const_buffer input{data, size};
  while (!parser.is_header_done() && input.size() > 0 && !error) {
    const std::size_t used = parser.put(input, error);
    input += used;
    if (used == 0 && !error) break;
  }
  if (error || !parser.is_header_done()) return 0;
  admit_and_answer(parser);
  std::string piece(64, '\0');
  while (!parser.is_done() && input.size() > 0) {
    parser.get().body() = {piece.data(), piece.size(), true};
    const std::size_t used = parser.put(input, error);
    if (error == bh::error::need_buffer) error = {};
    if (error || used == 0) break;
    input += used;
  }
  return 0;
}
